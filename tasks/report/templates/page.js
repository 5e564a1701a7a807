// Without this script everything is there to be read; with it, pictures are enlarged and what is shown can be filtered.
"use strict";

const all = (selector, within = document) => [...within.querySelectorAll(selector)];

function enlarging() {
  const dialog = document.getElementById("enlarged");
  const [caption, facts] = ["figcaption", "dl"].map((tag) => dialog.querySelector(tag));
  const image = document.createElement("img");
  caption.before(image);
  const show = (shown) => {
    image.src = shown.src;
    image.alt = shown.alt;
    const room = Math.min(innerWidth * 0.9 / shown.naturalWidth, innerHeight * 0.6 / shown.naturalHeight);
    const factor = room < 1 ? room : Math.min(Math.floor(room), 12);
    image.width = Math.round(shown.naturalWidth * factor);
    image.height = Math.round(shown.naturalHeight * factor);
    caption.textContent = shown.alt;
    facts.replaceChildren();
    for (const [name, value] of JSON.parse(shown.dataset.facts || "[]")) {
      for (const [tag, text] of [["dt", name], ["dd", value]]) {
        facts.append(Object.assign(document.createElement(tag), { textContent: text }));
      }
    }
    dialog.showModal();
  };
  for (const shown of all("main img")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "enlarge";
    button.setAttribute("aria-haspopup", "dialog");
    shown.replaceWith(button);
    button.append(shown);
    button.addEventListener("click", () => show(shown));
  }
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}

function filtering() {
  const form = document.getElementById("filter");
  const fields = { class: form.elements.class, finding: form.elements.finding };
  for (const [name, field] of Object.entries(fields)) {
    const values = new Set(all(`main [data-${name}]`).map((element) => element.dataset[name]).filter(Boolean));
    const order = [...values].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    field.append(...order.map((value) => new Option(value, value)));
    field.closest("label").hidden = order.length < 2;
  }
  const matches = (element) =>
    Object.entries(fields).every(([name, field]) => {
      const own = element.closest(`[data-${name}]`);
      return !field.value || (own !== null && own.dataset[name] === field.value);
    });
  const update = () => {
    const name = form.elements.name.value.trim().toLowerCase();
    const files = all("main [data-file]");
    for (const file of files) {
      file.hidden = !(matches(file) && file.dataset.file.toLowerCase().includes(name));
    }
    const { value } = fields.class;
    for (const row of all("main [data-class]:not([data-file])")) row.hidden = Boolean(value) && row.dataset.class !== value;
    for (const group of all("main [data-files]")) {
      group.hidden = all("[data-file]", group).every((file) => file.hidden);
    }
    const shown = files.filter((file) => !file.hidden).length;
    form.elements.shown.value = `${shown} of the ${files.length} files in this report`;
  };
  form.addEventListener("input", update);
  form.addEventListener("reset", () => setTimeout(update));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  update();
}

enlarging();
filtering();
