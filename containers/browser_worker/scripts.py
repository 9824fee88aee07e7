"""The few functions that run inside a page. Each is one call, so nothing can come between.

They read and click; they change nothing that would hide what drives the page.
"""

LIBRARY = r"""
  const shown = (element) => element.checkVisibility({ visibilityProperty: true });

  // Once this has passed, scripts of the page itself have taken hold of its forms and buttons.
  const isReady = () =>
    performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd > 0;

  const signOf = (signs) => {
    for (const one of signs) {
      if (one.url && !new RegExp(one.url).test(location.pathname + location.search)) continue;
      if (one.selector) {
        const found = [...document.querySelectorAll(one.selector)].filter(shown);
        if (!found.length) continue;
        if (one.text && !found.some((el) => new RegExp(one.text, "i").test(el.innerText))) continue;
      }
      return one.number;
    }
    return null;
  };

  // Text as its author wrote it: emoji that became images, links behind a redirect or cut short.
  const textOf = (node, wrappers) => {
    if (node.nodeType === Node.TEXT_NODE) return node.data;
    if (node.nodeType !== Node.ELEMENT_NODE) return "";
    if (node.tagName === "IMG") return node.alt;
    if (node.tagName === "BR") return "\n";
    if (node.tagName === "A" && /^https?:$/.test(node.protocol)) {
      const wrapper = wrappers.find((one) => new RegExp(one.path).test(node.pathname));
      const inner = wrapper && new URL(node.href).searchParams.get(wrapper.parameter);
      if (inner) return inner;
      if (node.origin !== location.origin) return node.href;
    }
    const inside = bodyOf(node, wrappers);
    return ["P", "DIV", "LI"].includes(node.tagName) && node.nextSibling ? inside + "\n" : inside;
  };

  const bodyOf = (element, wrappers) =>
    [...element.childNodes].map((child) => textOf(child, wrappers)).join("");

  const cut = (value, pattern) => {
    if (value === null || !pattern) return value === null ? null : value.trim();
    const match = value.match(new RegExp(pattern));
    return match ? (match[1] ?? match[0]) : null;
  };

  const valueOf = (element, place) => {
    const raw = place.attribute ? element.getAttribute(place.attribute) : bodyOf(element, []);
    return cut(raw, place.pattern);
  };

  const read = (within, place) => {
    if (!place) return null;
    const element = place.selector ? within.querySelector(place.selector) : within;
    return element ? valueOf(element, place) : null;
  };

  // A state is there or not; the moment of it is empty where the page does not tell.
  const stateOf = (row, place) => {
    if (!place || !place.selector) return read(row, place);
    return row.querySelector(place.selector) ? read(row, place) ?? "" : null;
  };

  const readAll = (within, place) =>
    place
      ? [...within.querySelectorAll(place.selector)].map((element) => valueOf(element, place))
      : [];

  const rowsOf = (message) =>
    [...document.querySelectorAll(message.row)].filter(
      (row) => !(message.pending && row.matches(message.pending)),
    );

  const messageOf = (row, message, wrappers) => {
    const body = row.querySelector(message.text);
    return {
      id: read(row, message.id),
      own: row.matches(message.own),
      text: body ? bodyOf(body, wrappers) : "",
      price: read(row, message.price),
      media: readAll(row, message.media),
      at: read(row, message.at),
      paid: stateOf(row, message.paid),
      opened: stateOf(row, message.opened),
      tip: read(row, message.tip),
    };
  };

  const heldBy = (composer) => {
    const field = document.querySelector(composer.text);
    if (!field) return null;
    const price = composer.price && document.querySelector(composer.price.field);
    return {
      text: "value" in field ? field.value : field.innerText,
      exact: "value" in field,
      price: price ? price.value.trim() : "",
      media: readAll(document, composer.media && composer.media.chosen).sort(),
    };
  };

  // Mutations wake the check at once; the timer is for what changes without one: an address.
  const until = (check, milliseconds) =>
    new Promise((resolve) => {
      const now = check();
      if (now || milliseconds <= 0) return resolve(now);
      const done = (value) => {
        observer.disconnect();
        clearInterval(timer);
        clearTimeout(end);
        resolve(value);
      };
      const look = () => {
        const value = check();
        if (value) done(value);
      };
      const observer = new MutationObserver(look);
      observer.observe(document, {
        subtree: true, childList: true, attributes: true, characterData: true,
      });
      const timer = setInterval(look, 50);
      const end = setTimeout(() => done(check()), milliseconds);
    });
"""


def script(body: str) -> str:
    """Return a function of one argument ``a`` that may use the library."""
    return f"async (a) => {{{LIBRARY}{body}}}"


# Waits for one of several elements, or a sign of trouble.
AWAIT_ANY = script(r"""
  return await until(() => {
    const sign = signOf(a.signs);
    if (sign !== null) return { sign };
    for (const [name, selector] of Object.entries(a.any)) {
      const element = document.querySelector(selector);
      if (element && shown(element)) return { name };
    }
    return null;
  }, a.milliseconds);
""")

# Reads a thread once all of it is there: whose it is, its messages, and what is missing.
READ_THREAD = script(r"""
  let missing = [];
  const found = await until(() => {
    if (!isReady()) return null;
    const sign = signOf(a.signs);
    if (sign !== null) return { sign };
    missing = Object.keys(a.required).filter((name) => !document.querySelector(a.required[name]));
    const rows = rowsOf(a.message);
    if (!rows.length && !document.querySelector(a.empty)) missing.push("chat.message.row");
    const ids = rows.map((row) => read(row, a.message.id));
    if (ids.some((id) => !id)) missing.push("chat.message.id");
    if (missing.length) return null;
    return {
      fanId: read(document, a.fanId),
      fanHandle: read(document, a.fanHandle),
      older: (a.older && document.querySelector(a.older)?.href) || null,
      messages: rows.map((row) => messageOf(row, a.message, a.wrappers)),
    };
  }, a.milliseconds);
  return found ?? { missing };
""")

# Scrolls to the top, as often as it takes the page to notice, until it has added what came before.
SCROLL_BACK = script(r"""
  const list = document.querySelector(a.scroll);
  if (!list) return { missing: true };
  const first = () => {
    const [row] = rowsOf(a.message);
    return row ? read(row, a.message.id) : null;
  };
  const before = first();
  const end = performance.now() + a.milliseconds;
  while (performance.now() < end) {
    const sign = signOf(a.signs);
    if (sign !== null) return { sign };
    if (first() !== before) return { first: before };
    list.scrollTop = list.scrollTop > 0 ? 0 : 1;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { end: true };
""")

# Waits for messages of one's own after the baseline that were not seen yet.
AWAIT_OWN = script(r"""
  return await until(() => {
    const sign = signOf(a.signs);
    if (sign !== null) return { sign };
    const rows = rowsOf(a.message);
    const at = rows.findIndex((row) => read(row, a.message.id) === a.after);
    if (a.after !== null && at < 0) return null;
    const fresh = rows
      .slice(at + 1)
      .map((row) => messageOf(row, a.message, a.wrappers))
      .filter((one) => one.own && one.id && !a.seen.includes(one.id));
    return fresh.length ? { messages: fresh } : null;
  }, a.milliseconds);
""")

READ_COMPOSER = script("return heldBy(a.composer);")

READ_CLOCKS = (
    "() => ({ document: performance.timeOrigin, monotonic: performance.now(), wall: Date.now() })"
)

# The deadline is judged and the button pressed in one turn of the page's event loop: a worker or
# a page that was stopped in between wakes up too late and presses nothing.
CLICK_SEND = script(r"""
  if (performance.timeOrigin !== a.mark.document) return "page_changed";
  if (signOf(a.signs) !== null) return "trouble_shown";
  for (const [place, value] of a.identity) {
    if (read(document, place) !== value) return "page_changed";
  }
  const held = heldBy(a.composer);
  if (JSON.stringify(held) !== JSON.stringify(a.held)) return "composer_changed";
  const button = document.querySelector(a.composer.send);
  if (!button) return "button_missing";
  if (button.disabled || button.getAttribute("aria-disabled") === "true") return "button_disabled";
  const elapsed = Math.max(performance.now() - a.mark.monotonic, Date.now() - a.mark.wall);
  if (elapsed >= a.milliseconds) return "too_late";
  button.click();
  return "clicked";
""")

CLICK_UNSEND = script(r"""
  const row = rowsOf(a.message).find((one) => read(one, a.message.id) === a.id);
  if (!row) return "absent";
  const button = row.querySelector(a.button);
  if (!button) return "button_missing";
  button.click();
  return "clicked";
""")

AWAIT_ABSENT = script(r"""
  return await until(() => {
    const sign = signOf(a.signs);
    if (sign !== null) return { sign };
    const there = rowsOf(a.message).some((one) => read(one, a.message.id) === a.id);
    return there ? null : { gone: true };
  }, a.milliseconds);
""")

READ_LISTING = script(r"""
  return await until(() => {
    if (!isReady()) return null;
    const sign = signOf(a.signs);
    if (sign !== null) return { sign };
    if (!document.querySelector(a.list)) return null;
    const link = a.next && document.querySelector(a.next);
    return {
      next: link ? new URL(link.href, location.href).href : null,
      rows: [...document.querySelectorAll(a.row)].map((row) =>
        Object.fromEntries(Object.entries(a.fields).map(([name, at]) => [name, read(row, at)])),
      ),
    };
  }, a.milliseconds);
""")

PRESS = script(r"""
  return await until(() => {
    const sign = signOf(a.signs);
    if (sign !== null) return { sign };
    const element = document.querySelector(a.selector);
    if (!element || element.disabled || !shown(element)) return null;
    element.click();
    return { pressed: true };
  }, a.milliseconds);
""")

READ_ONE = script("return read(document, a);")

# Counts once what is needed is there, or once the page has had its time: then some is missing.
COUNT_ALL = script(r"""
  const count = (selector) => document.querySelectorAll(selector).length;
  const found = await until(() => {
    if (!isReady()) return null;
    const sign = signOf(a.signs);
    if (sign !== null) return { sign };
    return a.needed.every(count) ? { sign: null } : null;
  }, a.milliseconds);
  if (found && found.sign !== null) return found;
  const entries = Object.entries(a.selectors);
  return { counts: Object.fromEntries(entries.map(([name, selector]) => [name, count(selector)])) };
""")

# No word of a chat may leave in a screenshot: every letter becomes an x, every field empties.
MASK_TEXT = r"""() => {
  const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const tag = walker.currentNode.parentElement?.tagName;
    if (tag === "STYLE" || tag === "SCRIPT") continue;
    walker.currentNode.data = walker.currentNode.data.replace(/\S/g, "x");
  }
  for (const field of document.querySelectorAll("input, textarea")) {
    field.value = field.value.replace(/\S/g, "x");
    field.placeholder = "";
  }
  for (const element of document.querySelectorAll("img, video, canvas, iframe")) {
    element.style.visibility = "hidden";
  }
}"""
