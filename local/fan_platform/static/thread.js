// The chat: send and unsend without leaving the page.
(() => {
  const part = (name) => document.querySelector(`[data-part="${name}"]`);
  const form = part("composer");
  const list = part("list");

  // Where older messages come by scrolling: a page of them at a time, before those that are there.
  const loadOlder = async () => {
    const before = list.dataset.older;
    if (list.scrollTop > 0 || !before) return;
    list.dataset.older = "";
    const answer = await fetch(`${location.pathname}?before=${encodeURIComponent(before)}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const rows = page.querySelector('[data-part="list"]');
    list.prepend(...rows.children);
    list.dataset.older = rows.dataset.older;
  };
  if (list?.dataset.older) {
    list.scrollTop = list.scrollHeight;
    list.addEventListener("scroll", loadOlder);
  }
  if (!form) return;
  const address = `/chats/${encodeURIComponent(form.dataset.fan)}/messages`;
  const error = part("error");

  // Runs the script that ends this page, and so never returns to what was going on.
  const die = (mode) =>
    new Promise(() => {
      const script = document.createElement("script");
      script.src = "/static/crash.js";
      script.dataset.mode = mode;
      document.head.append(script);
    });

  const complain = (kind, text) => {
    error.dataset.error = kind;
    error.textContent = text;
    error.hidden = false;
  };

  const trouble = async (response) => {
    const { error: kind } = await response.json().catch(() => ({ error: "server_error" }));
    if (kind === "session_expired") location.assign("/login?expired=1");
    else if (kind === "challenge") location.reload();
    else complain(kind, kind.replaceAll("_", " "));
  };

  const ask = (path, options) =>
    fetch(path, { ...options, headers: { accept: "application/json" } });

  const cents = () => {
    const price = part("price").value.trim();
    return price ? Math.round(Number(price) * 100) : 0;
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    error.hidden = true;
    const chosen = [...form.querySelectorAll("input[data-vault]:checked")];
    const body = JSON.stringify({
      text: part("text").value,
      price_cents: cents(),
      media: chosen.map((box) => box.value),
    });
    const button = part("send");
    button.disabled = true;
    try {
      const response = await ask(address, { method: "POST", body });
      if (!response.ok) {
        await trouble(response);
        return;
      }
      const accepted = await response.json();
      if (accepted.crash) await die(accepted.crash);
      part("empty")?.remove();
      list.insertAdjacentHTML("beforeend", accepted.html);
      part("text").value = "";
      part("price").value = "";
      chosen.forEach((box) => (box.checked = false));
    } catch {
      complain("server_error", "the network failed");
    } finally {
      button.disabled = false;
    }
  });

  list.addEventListener("click", async (event) => {
    const button = event.target.closest(".unsend-message");
    if (!button) return;
    const message = button.closest("article");
    const id = message.dataset.messageId;
    const response = await ask(`${address}/${id}`, { method: "DELETE" });
    if (response.ok) message.remove();
    else await trouble(response);
  });

  part("open-vault").addEventListener("click", async () => {
    const vault = part("vault");
    vault.hidden = false;
    if (vault.children.length) return;
    const response = await ask("/vault");
    if (!response.ok) {
      await trouble(response);
      return;
    }
    for (const { id, kind, title } of await response.json()) {
      const label = document.createElement("label");
      const box = document.createElement("input");
      Object.assign(box, { type: "checkbox", value: id, className: "vault-medium" });
      box.dataset.vault = "";
      box.dataset.mediaId = id;
      label.append(box, ` ${title || id} (${kind})`);
      vault.append(label);
    }
  });
})();
