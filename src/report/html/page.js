(function () {
  "use strict";
  var root = document.documentElement;
  var form = document.getElementById("filter");
  var needle = document.getElementById("needle");
  var found = document.getElementById("found");
  var roots = Array.from(document.querySelectorAll("#entries > [data-item]"));
  var boxes = form ? Array.from(form.querySelectorAll("input[name=word]")) : [];
  var texts = new Map();
  var current = -1;

  // What an item says, in small letters; asked once.
  function textOf(item) {
    if (!texts.has(item)) texts.set(item, item.textContent.toLowerCase());
    return texts.get(item);
  }

  // The state of the page stands in its address: #q=lock&only=divergent&theme=dark. #case-3 is a place.
  function state() {
    var hash = location.hash.slice(1);
    return new URLSearchParams(hash.includes("=") ? hash : "");
  }

  function keep() {
    var next = state();
    next.delete("q");
    next.delete("only");
    if (needle && needle.value) next.set("q", needle.value);
    boxes.filter(function (box) { return box.checked; }).forEach(function (box) { next.append("only", box.value); });
    var hash = next.toString();
    history.replaceState(null, "", hash ? "#" + hash : location.pathname + location.search);
  }

  // An item stays if it or something below it has both a wanted word and the text.
  function sift(item, words, text) {
    var below = Array.from(item.querySelectorAll("[data-item]")).filter(function (other) {
      return other.parentElement.closest("[data-item]") === item;
    });
    var kept = below.map(function (other) { return sift(other, words, text); }).some(Boolean);
    var own = (!words.length || words.includes(item.dataset.word)) && (!text || textOf(item).includes(text));
    item.hidden = !(own || kept);
    return own || kept;
  }

  function apply() {
    var words = boxes.filter(function (box) { return box.checked; }).map(function (box) { return box.value; });
    var text = needle.value.trim().toLowerCase();
    var count = roots.filter(function (item) { return sift(item, words, text); }).length;
    found.textContent = count + " of " + roots.length + " shown";
  }

  function shown() {
    return roots.filter(function (item) { return !item.hidden; });
  }

  function go(step) {
    var items = shown();
    if (!items.length) return;
    var at = items.indexOf(roots[current]);
    at = at < 0 ? (step > 0 ? 0 : items.length - 1) : Math.min(Math.max(at + step, 0), items.length - 1);
    roots.forEach(function (item) { item.classList.remove("current"); });
    current = roots.indexOf(items[at]);
    items[at].classList.add("current");
    items[at].querySelector("summary").focus();
  }

  function theme(name) {
    if (name) root.dataset.theme = name; else delete root.dataset.theme;
  }

  function turn() {
    var dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    var next = state();
    next.set("theme", dark ? "light" : "dark");
    history.replaceState(null, "", "#" + next.toString());
    theme(dark ? "light" : "dark");
  }

  // A link to a case opens it.
  function place() {
    var id = location.hash.slice(1);
    var item = id && !id.includes("=") && document.getElementById(id);
    if (item && item.tagName === "DETAILS") {
      item.open = true;
      item.scrollIntoView();
    }
  }

  function restore() {
    var wanted = state();
    theme(wanted.get("theme"));
    if (!form) return;
    needle.value = wanted.get("q") || "";
    boxes.forEach(function (box) { box.checked = wanted.getAll("only").includes(box.value); });
    apply();
  }

  document.addEventListener("keydown", function (event) {
    var typing = event.target.matches("input, textarea");
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing && event.key === "Escape") { event.target.blur(); return; }
    if (typing) return;
    if (event.key === "/" && form) { event.preventDefault(); needle.focus(); }
    else if (event.key === "j") go(1);
    else if (event.key === "k") go(-1);
    else if (event.key === "o" && current >= 0) roots[current].open = !roots[current].open;
    else if (event.key === "e") {
      var all = shown();
      var open = all.some(function (item) { return !item.open; });
      all.forEach(function (item) { item.open = open; });
    }
    else if (event.key === "t") turn();
  });

  // Paper cannot be opened.
  var closed = [];
  addEventListener("beforeprint", function () {
    closed = Array.from(document.querySelectorAll("details:not([open])"));
    closed.forEach(function (item) { item.open = true; });
  });
  addEventListener("afterprint", function () {
    closed.forEach(function (item) { item.open = false; });
  });
  addEventListener("hashchange", function () { restore(); place(); });

  document.querySelector(".keys").hidden = false;
  if (form) {
    form.hidden = false;
    form.addEventListener("submit", function (event) { event.preventDefault(); });
    form.addEventListener("input", function () { apply(); keep(); });
  }
  restore();
  place();
})();
