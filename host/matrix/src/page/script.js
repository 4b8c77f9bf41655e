
"use strict";
(() => {
  const find = (id) => document.getElementById(id);
  const [form, byModule, byKernel, onlyBad, shown] = ["filter", "by-module", "by-kernel", "only-bad", "shown"].map(find);
  const rows = [...document.querySelectorAll("tbody tr")];
  const heads = [...document.querySelectorAll("thead th")];
  const bad = ["failed", "headers-missing", "infrastructure", "not-run"];
  const matches = (text, words) => words.every((word) => text.toLowerCase().includes(word));
  const words = (input) => input.value.toLowerCase().split(/\s+/).filter(Boolean);
  const apply = () => {
    const [ofModule, ofKernel] = [words(byModule), words(byKernel)];
    const columns = heads.map((head, at) => at === 0 || matches(head.textContent, ofKernel));
    heads.forEach((head, at) => { head.hidden = !columns[at]; });
    let count = 0;
    for (const row of rows) {
      const cells = [...row.children];
      cells.forEach((cell, at) => { cell.hidden = !columns[at]; });
      const isBad = cells.some((cell, at) => columns[at] && bad.includes(cell.className));
      row.hidden = !matches(cells[0].textContent, ofModule) || (onlyBad.checked && !isBad);
      count += row.hidden ? 0 : 1;
    }
    shown.textContent = `${count} of ${rows.length} modules, ${columns.filter(Boolean).length - 1} of ${heads.length - 1} kernels`;
  };
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", apply);
  // The log of the cell that was chosen is open.
  const open = () => {
    const target = location.hash.startsWith("#cell-") && find(location.hash.slice(1));
    if (target) {
      target.querySelectorAll("details").forEach((details) => { details.open = true; });
      target.focus();
    }
  };
  addEventListener("hashchange", open);
  apply();
  open();
})();
