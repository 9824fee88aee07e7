// Ends the renderer of this page, or blocks it for ever, as `data-mode` says.
//
// A page cannot open chrome://crash, but Chromium parses selectors and lays trees out by
// recursion: deep enough, either runs out of stack and takes the renderer with it.
(() => {
  if (document.currentScript.dataset.mode === "hang") for (;;);
  const depth = 100000;
  document.querySelector(":not(".repeat(depth) + "a" + ")".repeat(depth));
  let node = document.documentElement;
  for (let level = 0; level < depth / 5; level += 1) {
    node = node.appendChild(document.createElement("div"));
  }
  document.documentElement.getBoundingClientRect();
})();
