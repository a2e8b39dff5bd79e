// The page of one comparison. Data comes from the element #difference; everything is put on the page as text, never as markup.
(() => {
  const data = JSON.parse(document.getElementById("difference").textContent);
  const { findings, paths, hows, grid } = data;
  // a finding: [number, how, title, path, changes, items, follows, why, followers, cell, where both stand]
  const [NUMBER, HOW, TITLE, PATH, CHANGES, ITEMS, FOLLOWS, WHY, FOLLOWERS, CELL] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  const MOST_DIFFED = 4000, NARROW = 480;
  const MARKS = { same: " ", changed: "~", added: "+", removed: "−", moved: "→", "not reached": "?" };
  const $ = byId;
  const isNarrow = () => $("list").clientWidth < NARROW;
  const rowHeight = () => (isNarrow() ? 46 : 26); // as in page.css: two lines where there is no room
  const css = (how) => `how-${how.replace(" ", "")}`;
  const short = (number) => (Number.isInteger(number) ? String(number) : String(+number.toPrecision(5)));
  // In a cell of the grid three digits are enough; the whole number is told on a hover.
  const brief = (number) => (Number.isInteger(number) ? String(number) : String(+number.toPrecision(3)));
  const signed = (number) => (number > 0 ? "+" : "") + short(number);

  // -- what is shown --------------------------------------------------------------------------------------

  const state = { shown: [], chosen: -1, hidden: new Set(), place: null, mode: "change" };
  const independent = (finding) => finding[FOLLOWS] === null && hows[finding[HOW]] !== "not reached";

  let haystacks = null; // made with the first search: it costs memory
  const haystack = (index) => {
    haystacks ??= findings.map((f) => `#${f[NUMBER]} ${f[TITLE]} ${paths[f[PATH]].join(" ")} ${f[CHANGES].map((c) => c[0]).join(" ")}`.toLowerCase());
    return haystacks[index];
  };

  function choose() {
    const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const cause = $("cause").value;
    state.shown = [];
    findings.forEach((finding, index) => {
      if (state.hidden.has(finding[HOW])) return;
      if (cause && independent(finding) !== (cause === "independent")) return;
      if (state.place && (finding[CELL] === null || finding[CELL][0] !== state.place[0] || finding[CELL][1] !== state.place[1])) return;
      if (words.length && !words.every((word) => haystack(index).includes(word))) return;
      state.shown.push(index);
    });
    const all = findings.length, here = state.shown.length;
    const told = here === all ? `${all.toLocaleString("en")} differences` : `${here.toLocaleString("en")} of ${all.toLocaleString("en")} differences`;
    $("count").textContent = data.left_out ? `${told}; ${data.left_out.toLocaleString("en")} more are not on this page (--json has them all)` : told;
    $("all").hidden = here === all;
    draw();
  }

  function draw() {
    const list = $("list"), height = rowHeight();
    list.classList.toggle("narrow", isNarrow());
    $("rows").style.height = `${state.shown.length * height}px`;
    list.style.height = `${Math.min(520, Math.max(4, state.shown.length) * height + 2)}px`;
    const first = printing ? 0 : Math.max(0, Math.floor(list.scrollTop / height) - 5);
    const last = Math.min(state.shown.length, printing ? MOST_PRINTED : first + Math.ceil(list.clientHeight / height) + 10);
    $("unprinted").textContent = printing && last < state.shown.length ? `The first ${last.toLocaleString("en")} are printed.` : "";
    const rows = [];
    for (let place = first; place < last; place++) {
      const index = state.shown[place], finding = findings[index], how = hows[finding[HOW]];
      const row = element("div", index === state.chosen ? "row here" : "row");
      row.style.top = `${place * height}px`;
      row.setAttribute("role", "option");
      row.setAttribute("aria-selected", String(index === state.chosen));
      row.dataset.index = index;
      const changes = finding[CHANGES];
      const what = changes.length ? changes.map(summary).join("  ") : finding[ITEMS] > 1 ? `${finding[ITEMS].toLocaleString("en")} items` : "";
      const cause = how === "not reached" ? "" : independent(finding) ? "independent" : `follows #${finding[FOLLOWS]}`;
      row.append(
        element("span", "number", finding[NUMBER]), element("span", css(how), `${MARKS[how]} ${how}`), element("span", "name", finding[TITLE]),
        element("span", "what", what), element("span", cause === "independent" ? "cause independent" : "cause", cause),
      );
      rows.push(row);
    }
    $("rows").replaceChildren(...rows);
  }

  function summary([name, before, after, how]) {
    const last = name.split(".").slice(-1)[0];
    if (typeof before === "number" && typeof after === "number") return `${last} ${signed(after - before)}`;
    return how === "added" ? `${last} new` : how === "removed" ? `${last} gone` : last;
  }

  // -- the chosen one ---------------------------------------------------------------------------------------

  function select(index, scroll = true) {
    state.chosen = index;
    const finding = findings[index];
    if (!finding) return;
    if (scroll) {
      let place = state.shown.indexOf(index);
      if (place < 0) { reset(); place = state.shown.indexOf(index); }
      const list = $("list"), height = rowHeight(), top = place * height;
      if (top < list.scrollTop || top > list.scrollTop + list.clientHeight - 2 * height) list.scrollTop = Math.max(0, top - list.clientHeight / 3);
    }
    draw();
    show(finding);
    drawGrid();
    try { history.replaceState(null, "", `#${finding[NUMBER]}`); } catch { /* a page from a file need not have a history */ }
  }

  function show(finding) {
    const detail = $("detail"), how = hows[finding[HOW]];
    const parts = [element("div", "path", paths[finding[PATH]].join(" › ")), element("div", "title", finding[TITLE])];
    const told = element("p");
    told.append(element("span", css(how), `${MARKS[how]} ${how}`));
    if (finding[ITEMS] > 1) told.append(` · stands for ${finding[ITEMS].toLocaleString("en")} items`);
    if (finding[FOLLOWS] !== null) told.append(" · follows ", link(finding[FOLLOWS]), `: ${finding[WHY]}`);
    else if (how !== "not reached") told.append(` · independent: ${finding[WHY]}`);
    parts.push(told);
    if (finding[FOLLOWERS]) {
      const next = element("p", "", `${finding[FOLLOWERS].toLocaleString("en")} directly from it: `);
      for (const one of findings.filter((f) => f[FOLLOWS] === finding[NUMBER]).slice(0, 12)) next.append(link(one[NUMBER]), " ");
      parts.push(next);
    }
    if (finding[CHANGES].length) parts.push(values(finding[CHANGES]));
    detail.replaceChildren(...parts);
  }

  function link(number) {
    const button = element("button", "link", `#${number}`);
    button.addEventListener("click", () => select(number - 1));
    return button;
  }

  function values(changes) {
    const table = element("table", "values"), head = element("tr");
    head.append(element("th", "", "value"), element("th", "", "A"), element("th", "", "B"));
    table.append(head);
    for (const [name, before, after, how] of changes) {
      const row = element("tr"), a = element("td"), b = element("td"), label = element("td", "name", name);
      if (typeof before === "number" && typeof after === "number") {
        const share = before ? ` (${((after - before) / Math.abs(before) * 100).toFixed(1)}%)` : "";
        label.append(element("div", "delta", signed(after - before) + share));
      }
      if (how === "added") b.append(element("ins", "", plain(after)));
      else if (how === "removed") a.append(element("del", "", plain(before)));
      else marked(a, b, plain(before), plain(after));
      if (how === "added") a.append(element("span", "delta", "not there"));
      if (how === "removed") b.append(element("span", "delta", "not there"));
      row.append(label, a, b);
      table.append(row);
    }
    const scroll = element("div", "scroll");
    scroll.append(table);
    return scroll;
  }

  // Words that both texts have stand plain, the others are marked.
  function marked(a, b, before, after) {
    const one = before.split(/(\s+|[^\w.\s])/).filter(Boolean), other = after.split(/(\s+|[^\w.\s])/).filter(Boolean);
    let start = 0, end = 0;
    while (start < one.length && start < other.length && one[start] === other[start]) start++;
    while (end < one.length - start && end < other.length - start && one[one.length - 1 - end] === other[other.length - 1 - end]) end++;
    const put = (cell, words, tag, keep) => {
      cell.append(words.slice(0, start).join(""));
      let run = "", plainRun = "";
      const flush = () => { if (plainRun) cell.append(plainRun); if (run) cell.append(element(tag, "", run)); run = plainRun = ""; };
      words.slice(start, words.length - end).forEach((word, place) => {
        if (keep[place]) { if (run) flush(); plainRun += word; } else { if (plainRun) flush(); run += word; }
      });
      flush();
      if (end) cell.append(words.slice(words.length - end).join(""));
    };
    const [left, right] = common(one.slice(start, one.length - end), other.slice(start, other.length - end));
    put(a, one, "del", left);
    put(b, other, "ins", right);
  }
  function common(a, b) {
    const left = new Array(a.length).fill(false), right = new Array(b.length).fill(false);
    if (!a.length || !b.length || a.length * b.length > MOST_DIFFED * 100) return [left, right];
    const width = b.length + 1, table = new Uint16Array((a.length + 1) * width);
    for (let i = a.length - 1; i >= 0; i--)
      for (let j = b.length - 1; j >= 0; j--)
        table[i * width + j] = a[i] === b[j] ? table[(i + 1) * width + j + 1] + 1 : Math.max(table[(i + 1) * width + j], table[i * width + j + 1]);
    for (let i = 0, j = 0; i < a.length && j < b.length;) {
      if (a[i] === b[j]) { left[i++] = right[j++] = true; }
      else if (table[(i + 1) * width + j] >= table[i * width + j + 1]) i++;
      else j++;
    }
    return [left, right];
  }

  // -- the grid ---------------------------------------------------------------------------------------------

  function shade(share) {
    if (!share) return "";
    const strength = Math.min(1, Math.abs(share)) * 0.62 + 0.12;
    return share > 0 ? `rgb(214 64 48 / ${strength})` : `rgb(47 111 222 / ${strength})`;
  }
  function drawGrid() {
    if (!grid) return;
    const table = element("table"), head = element("tr"), top = element("thead"), body = element("tbody");
    head.append(element("th", "", `${grid.row} \\ ${grid.column}`), ...grid.columns.map((name) => element("th", "", name)));
    top.append(head);
    const cells = new Map(grid.cells.map((cell) => [`${cell[0]} ${cell[1]}`, cell]));
    const chosen = findings[state.chosen]?.[CELL];
    grid.rows.forEach((name, row) => {
      const line = element("tr");
      line.append(element("th", "", name));
      grid.columns.forEach((_, column) => {
        const cell = cells.get(`${row} ${column}`), td = element("td");
        if (cell) {
          const [, , a, b, same] = cell;
          const change = a === null || b === null ? null : b - a;
          if (state.mode === "change") {
            td.textContent = same ? "·" : change === null ? (a === null ? `B ${brief(b)}` : `A ${brief(a)}`) : (change > 0 ? "+" : "") + brief(change);
            if (!same && change !== null) td.style.background = shade(change / (grid.largest || 1));
          } else {
            const value = state.mode === "a" ? a : b;
            td.textContent = value === null ? "" : brief(value);
            if (value !== null) td.style.background = shade(value / (grid.most || 1));
          }
          if (!same) td.classList.add("differs");
          td.title = `A ${a === null ? "nothing" : a}, B ${b === null ? "nothing" : b}`;
        }
        const place = [row, column];
        const here = state.place ?? chosen;
        if (here && here[0] === row && here[1] === column) td.classList.add("here");
        td.addEventListener("click", () => {
          state.place = state.place && state.place[0] === row && state.place[1] === column ? null : place;
          choose();
          if (state.shown.length) select(state.shown[0], false);
          drawGrid();
        });
        line.append(td);
      });
      body.append(line);
    });
    table.append(top, body);
    $("map").replaceChildren(table);
  }

  // -- tables and the first divergence ------------------------------------------------------------------------

  function cells(row, texts, tag = "td") {
    for (const text of texts) row.append(element(tag, "", text));
    return row;
  }
  function drawTables() {
    const actions = $("actions");
    const names = ["a", "b", "same", "changed", "added", "removed", "moved", "not_reached"].filter((name) => data.actions.some((row) => row[name]));
    const heads = names.map((name) => (name.length === 1 ? name.toUpperCase() : name.replace("_", " ")));
    actions.append(cells(element("tr"), ["action", ...heads, "largest change"], "th"));
    for (const row of data.actions) {
      const line = cells(element("tr", "asks"), [row.action, ...names.map((name) => (row[name] ? row[name].toLocaleString("en") : "–")), row.largest]);
      line.addEventListener("click", () => { $("search").value = row.action; choose(); $("list").focus(); });
      actions.append(line);
    }
    $("actionpart").hidden = data.actions.length === 0;
    const figures = $("figures");
    figures.append(cells(element("tr"), ["of", "A", "B", "change"], "th"));
    for (const row of data.figures) figures.append(cells(element("tr"), row));
  }
  function drawFirst() {
    if (data.first === null) return;
    $("first").hidden = false;
    const finding = findings[data.first - 1], around = element("div", "context");
    for (const [title, how, here] of data.context) {
      around.append(element("span", css(how), MARKS[how]));
      const name = element("span", here ? "at" : css("same"), title);
      if (here) { name.append(" "); name.append(link(data.first)); }
      around.append(name);
    }
    $("context").append(element("div", "path", finding ? paths[finding[PATH]].join(" › ") : ""), around);
  }

  // -- keys and buttons -------------------------------------------------------------------------------------

  function reset() {
    $("search").value = "";
    $("cause").value = "";
    state.hidden.clear();
    state.place = null;
    drawHows();
    choose();
    drawGrid();
  }
  function step(by, fits = () => true) {
    let place = state.shown.indexOf(state.chosen);
    place = place < 0 ? (by > 0 ? 0 : state.shown.length - 1) : place + by;
    while (place >= 0 && place < state.shown.length && !fits(findings[state.shown[place]])) place += Math.sign(by);
    if (place >= 0 && place < state.shown.length) select(state.shown[place]);
  }
  function drawHows() {
    const counts = hows.map((_, how) => findings.reduce((sum, finding) => sum + (finding[HOW] === how), 0));
    $("hows").replaceChildren(...hows.flatMap((how, number) => {
      if (!counts[number]) return [];
      const button = element("button", css(how), `${MARKS[how]} ${how} ${counts[number].toLocaleString("en")}`);
      button.setAttribute("aria-pressed", String(!state.hidden.has(number)));
      button.addEventListener("click", () => {
        if (!state.hidden.delete(number)) state.hidden.add(number);
        drawHows();
        choose();
      });
      return [button];
    }));
  }
  const THEMES = ["system", "light", "dark"];
  function nextTheme() {
    const root = document.documentElement, now = root.dataset.theme ?? "system";
    const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length];
    if (next === "system") delete root.dataset.theme; else root.dataset.theme = next;
    $("theme").textContent = `theme: ${next}`;
  }
  function toggleHelp() {
    $("keys").hidden = !$("keys").hidden;
    $("help").setAttribute("aria-expanded", String(!$("keys").hidden));
  }
  const KEYS = {
    ArrowDown: () => step(1), j: () => step(1), ArrowUp: () => step(-1), k: () => step(-1),
    n: () => step(1, independent), p: () => step(-1, independent),
    PageDown: () => step(Math.min(15, Math.max(1, state.shown.length - 1 - state.shown.indexOf(state.chosen)))),
    PageUp: () => step(-Math.min(15, Math.max(1, state.shown.indexOf(state.chosen)))),
    Home: () => state.shown.length && select(state.shown[0]), End: () => state.shown.length && select(state.shown[state.shown.length - 1]),
    f: () => data.first !== null && select(data.first - 1),
    o: () => { const source = findings[state.chosen]?.[FOLLOWS]; if (source) select(source - 1); },
    "/": () => $("search").focus(), t: nextTheme, "?": toggleHelp, Escape: reset,
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (typing && event.key === "Escape") { event.target.blur(); return; }
    if (typing && !(event.target.id === "search" && /^Arrow(Up|Down)$/.test(event.key))) return;
    const act = KEYS[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  $("list").addEventListener("scroll", draw);
  $("rows").addEventListener("click", (event) => {
    const row = event.target.closest(".row");
    if (row) select(Number(row.dataset.index), false);
  });
  $("search").addEventListener("input", choose);
  $("cause").addEventListener("change", choose);
  $("all").addEventListener("click", reset);
  $("theme").addEventListener("click", nextTheme);
  $("help").addEventListener("click", toggleHelp);
  $("modes").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    state.mode = button.dataset.mode;
    for (const one of $("modes").children) one.setAttribute("aria-pressed", String(one === button));
    drawGrid();
  });
  window.addEventListener("resize", draw);
  onPrint(draw);

  if (grid) {
    $("gridpart").hidden = false;
    // A wide one has the width of the page to itself.
    if (grid.columns.length > 7) document.querySelector(".columns").after($("gridpart"));
    $("gridname").textContent = `Grid ${grid.row} × ${grid.column}, ${grid.value}: ${grid.changed} of ${grid.cells.length} cells differ`;
  }
  drawFirst();
  drawTables();
  drawHows();
  choose();
  const asked = Number(location.hash.slice(1));
  if (findings.length) select(asked >= 1 && asked <= findings.length ? asked - 1 : (data.first ?? 1) - 1);
  else $("detail").textContent = "Nothing differs.";
  drawGrid();
  document.documentElement.dataset.ready = "yes";
})();
