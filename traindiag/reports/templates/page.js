"use strict";
(function () {
  const root = document.documentElement;
  const all = (selector, within) => Array.from((within || document).querySelectorAll(selector));
  root.classList.add("scripted");

  // Dark or light, beginning with what the system asks for.
  const theme = document.getElementById("theme");
  theme.hidden = false;
  theme.addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  // Sorting: the words of a header become a button.
  const key = (row, column, numeric) => {
    const cell = row.cells[column];
    if (!numeric) return cell.textContent.trim().toLowerCase();
    const text = cell.dataset.value;
    const number = text === "" || text === undefined ? NaN : Number(text);
    return Number.isNaN(number) ? Infinity : number;
  };
  all("table.sortable").forEach((table) => {
    const body = table.tBodies[0];
    all("th .sort", table).forEach((words) => {
      const head = words.closest("th");
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = words.textContent;
      words.replaceWith(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        all("th", table).forEach((each) => each.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const numeric = head.dataset.type === "number";
        const order = all("tr", body).map((row) => [key(row, head.cellIndex, numeric), row]);
        order.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0) * (up ? 1 : -1));
        body.append(...order.map((pair) => pair[1]));
      });
    });
  });

  // Filtering: rows of the table of runs and the sections of the same runs.
  const form = document.getElementById("filters");
  let narrow = () => {};
  if (form) {
    const body = document.getElementById("table").tBodies[0];
    const find = document.getElementById("find");
    const shown = document.getElementById("shown");
    form.hidden = false;
    const filter = () => {
      const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
      const wanted = new Set(all("input[name=status]:checked", form).map((box) => box.value));
      let count = 0;
      all("tr.row", body).forEach((row) => {
        const text = (row.cells[1].textContent + " " + row.cells[2].textContent).toLowerCase();
        const fits = wanted.has(row.dataset.status) && words.every((word) => text.includes(word));
        row.hidden = !fits;
        document.getElementById(row.dataset.target).hidden = !fits;
        count += fits;
      });
      shown.textContent = count + " of " + body.rows.length + " shown";
    };
    form.addEventListener("input", filter);
    form.addEventListener("submit", (event) => event.preventDefault());
    filter();
    narrow = (words) => {
      find.value = words;
      all("input[name=status]", form).forEach((box) => { box.checked = true; });
      filter();
    };

    // A verdict or a folder of the summary narrows the table to its runs.
    all(".filter").forEach((words) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "filter";
      button.textContent = words.textContent;
      words.replaceWith(button);
      button.addEventListener("click", () => {
        narrow(words.dataset.find);
        form.scrollIntoView();
      });
    });
  }

  // A link to a run opens it, also where the filters had hidden it.
  const open = () => {
    const target = location.hash.startsWith("#run-") && document.getElementById(location.hash.slice(1));
    if (!target) return;
    if (target.hidden) narrow("");
    target.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", open);
  open();

  // On paper the runs that are not healthy are told in full; afterwards everything is as it was.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = all("details.run.told:not([open])");
    opened.forEach((each) => { each.open = true; });
  });
  addEventListener("afterprint", () => opened.forEach((each) => { each.open = false; }));

  // Linear or logarithmic axis.
  all("button.scale").forEach((button) => {
    const chart = button.closest("figure").querySelector("svg.chart");
    button.hidden = false;
    button.addEventListener("click", () => {
      const log = chart.classList.toggle("log");
      chart.classList.toggle("lin", !log);
      button.textContent = (log ? "linear" : "log") + " axis";
    });
  });

  // Evidence lights up its place on the curve.
  all(".evidence li[data-n]").forEach((item) => {
    const spans = () => all('.span[data-n="' + item.dataset.n + '"]', item.closest("details.run"));
    const light = (on) => () => spans().forEach((each) => each.classList.toggle("lit", on));
    ["mouseenter", "focus"].forEach((name) => item.addEventListener(name, light(true)));
    ["mouseleave", "blur"].forEach((name) => item.addEventListener(name, light(false)));
  });

  // The values under the pointer.
  all("figure").forEach((figure) => {
    const chart = figure.querySelector("svg.chart");
    const values = figure.querySelector(".values");
    const cursor = chart.querySelector(".cursor");
    const box = ["left", "right", "first", "last"].reduce((all, name) => ({ ...all, [name]: Number(chart.dataset[name]) }), {});
    let data = null;
    const nearest = (epochs, wanted) => {
      let low = 0, high = epochs.length - 1;
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (epochs[middle] < wanted) low = middle; else high = middle;
      }
      return wanted - epochs[low] <= epochs[high] - wanted ? low : high;
    };
    chart.addEventListener("pointermove", (event) => {
      data = data || JSON.parse(figure.querySelector("script").textContent);
      const place = chart.getBoundingClientRect();
      const x = ((event.clientX - place.left) / place.width) * chart.viewBox.baseVal.width;
      const share = Math.min(1, Math.max(0, (x - box.left) / (box.right - box.left)));
      const wanted = box.first + share * (box.last - box.first);
      const longest = data.lines.reduce((a, b) => (b.epoch.length > a.epoch.length ? b : a));
      const epoch = longest.epoch[nearest(longest.epoch, wanted)];
      const at = box.last > box.first ? (epoch - box.first) / (box.last - box.first) : 0.5;
      cursor.setAttribute("x1", box.left + at * (box.right - box.left));
      cursor.setAttribute("x2", box.left + at * (box.right - box.left));
      const parts = data.lines.map((line) => {
        const index = nearest(line.epoch, epoch);
        const value = line.value[index];
        return line.epoch[index] === epoch ? line.name + " " + (value === null ? "NaN or infinite" : value) : "";
      });
      values.textContent = [data.axis + " " + epoch, ...parts.filter(Boolean)].join(", ");
    });
    chart.addEventListener("pointerleave", () => {
      cursor.setAttribute("x1", -9);
      cursor.setAttribute("x2", -9);
      values.textContent = "";
    });
  });

  // Snippets to the clipboard; selected instead where a browser does not allow it.
  all("button.copy").forEach((button) => {
    button.addEventListener("click", () => {
      const code = button.parentElement.querySelector("code");
      const select = () => { getSelection().selectAllChildren(code); button.textContent = "Selected"; };
      if (!navigator.clipboard) return select();
      navigator.clipboard.writeText(code.textContent).then(() => { button.textContent = "Copied"; }, select);
    });
  });
})();
