// The page of one run. Data comes from the element #run; everything is put on the page as text, never as markup.
(() => {
  const run = JSON.parse(document.getElementById("run").textContent);
  const { decisions, actions, grid } = run; // a decision: [time in ms, action, reason, cell, values, what else]
  const [TIME, ACTION, REASON, CELL, VALUES, MORE] = [0, 1, 2, 3, 4, 5];
  const LANE_HEIGHT = 22, MOST_LANES = 14, NARROW = 560;
  const $ = byId;
  const isNarrow = () => $("list").clientWidth < NARROW;
  const rowHeight = () => (isNarrow() ? 46 : 26); // as in page.css: two lines where there is no room

  // -- text ---------------------------------------------------------------------------------------------

  const short = (number) => (Number.isInteger(number) ? String(number) : String(+number.toPrecision(4)));
  const colour = (action) => `hsl(${(action * 137.5 + 210) % 360} 58% 52%)`;

  // -- what is asked for ----------------------------------------------------------------------------------

  const state = { shown: [], position: 0, from: 0, until: Infinity, mode: "after", moved: false, playing: null };

  function condition(word) {
    const found = /^([^<>=!~]+?)(>=|<=|!=|==|>|<|=|~)(.*)$/s.exec(word);
    if (!found) return null;
    const [, name, sign, text] = found;
    const number = text.trim() === "" ? NaN : Number(text);
    if (/[<>]/.test(sign) && Number.isNaN(number)) throw new Error(`“${word}” compares by size, which takes a number`);
    return (decision) => look(decision, name.toLowerCase()).some((value) => holds(value, sign, text, number));
  }
  function look(decision, name) {
    if (name === "action") return [actions[decision[ACTION]]];
    if (name === "reason") return [decision[REASON]];
    return name.startsWith("cell.") ? below(decision[CELL], name.slice(5)) : below(decision[VALUES], name.replace(/^values\./, ""));
  }
  function below(value, name) {
    if (!isMap(value)) return [];
    return Object.entries(value).flatMap(([key, item]) => {
      const known = key.toLowerCase();
      return known === name ? [item] : name.startsWith(`${known}.`) ? below(item, name.slice(known.length + 1)) : [];
    });
  }
  function holds(value, sign, text, number) {
    if (sign === "~") return plain(value).toLowerCase().includes(text.toLowerCase());
    if (/^[<>]/.test(sign)) {
      if (typeof value !== "number") return false;
      return sign === ">" ? value > number : sign === "<" ? value < number : sign === ">=" ? value >= number : value <= number;
    }
    const same = typeof value === "number" ? value === number : plain(value) === text;
    return same === (sign !== "!=");
  }

  let haystacks = null; // made with the first search: it costs memory
  const haystack = (index) => {
    haystacks ??= decisions.map((d) => `${actions[d[ACTION]]} ${d[REASON]} ${pairs(d[CELL])} ${pairs(d[VALUES])}`.toLowerCase());
    return haystacks[index];
  };

  function choose() {
    const action = $("action").value;
    const words = $("search").value.split(/\s+/).filter(Boolean);
    let conditions;
    try {
      conditions = words.map(condition);
      $("wrong").textContent = "";
    } catch (error) {
      $("wrong").textContent = error.message;
      return;
    }
    const needles = words.filter((_, index) => !conditions[index]).map((word) => word.toLowerCase());
    const rules = conditions.filter(Boolean);
    state.shown = [];
    decisions.forEach((decision, index) => {
      if (action !== "" && decision[ACTION] !== Number(action)) return;
      if (decision[TIME] < state.from || decision[TIME] > state.until) return;
      if (!rules.every((rule) => rule(decision))) return;
      if (!needles.every((needle) => haystack(index).includes(needle))) return;
      state.shown.push(index);
    });
    const all = state.shown.length === decisions.length;
    $("count").textContent = `${all ? "" : `${state.shown.length.toLocaleString("en")} of `}${decisions.length.toLocaleString("en")} decisions`;
    $("all").hidden = all && state.until === Infinity;
    draw();
    list(true);
  }

  // -- the list: only the rows that can be seen are there ---------------------------------------------------

  function list(fromTop) {
    const box = $("list"), height = rowHeight();
    box.classList.toggle("narrow", isNarrow());
    $("rows").style.height = `${state.shown.length * height}px`;
    box.style.height = `${Math.min(460, Math.max(4, state.shown.length) * height + 2)}px`;
    if (fromTop) box.scrollTop = 0;
    const first = printing ? 0 : Math.max(0, Math.floor(box.scrollTop / height) - 5);
    const last = Math.min(state.shown.length, printing ? MOST_PRINTED : first + Math.ceil(box.clientHeight / height) + 10);
    const rows = [];
    for (let place = first; place < last; place++) rows.push(rowOf(state.shown[place], place * height));
    $("rows").replaceChildren(...rows);
    const unprinted = printing ? state.shown.length - last : 0;
    $("unprinted").hidden = !unprinted;
    $("unprinted").textContent = `${unprinted.toLocaleString("en")} more decisions are not printed.`;
  }
  function rowOf(index, top) {
    const decision = decisions[index], here = index + 1 === state.position;
    const row = element("div", here ? "row here" : "row");
    row.style.top = `${top}px`;
    row.dataset.number = index + 1;
    row.setAttribute("role", "option");
    row.setAttribute("aria-selected", String(here));
    const action = element("span", "what"), dot = element("span", "dot");
    dot.style.background = colour(decision[ACTION]);
    action.append(dot, visible(actions[decision[ACTION]]));
    row.append(
      element("span", "number", index + 1), element("span", "time", `+${elapsed(decision[TIME])}`), action,
      element("span", "cell", pairs(decision[CELL])), element("span", "values", (pairs(decision[VALUES]) || decision[REASON]).slice(0, 600)),
    );
    return row;
  }
  // The columns are as wide as what stands in them, within limits.
  function fitColumns() {
    const longest = (texts) => texts.reduce((most, text) => Math.max(most, text.length), 0);
    const cells = longest(decisions.slice(0, 2000).map((decision) => pairs(decision[CELL])));
    $("list").style.setProperty("--action", `${Math.min(20, longest(actions) + 3)}ch`);
    $("list").style.setProperty("--cell", `${Math.min(22, cells + 0.5)}ch`);
  }

  function reveal() {
    const place = state.shown.indexOf(state.position - 1), box = $("list"), height = rowHeight();
    if (place < 0) return;
    const top = place * height;
    if (top < box.scrollTop || top + height > box.scrollTop + box.clientHeight) box.scrollTop = top - box.clientHeight / 2;
  }

  // -- the timeline ---------------------------------------------------------------------------------------

  const counts = actions.map(() => 0);
  decisions.forEach((decision) => counts[decision[ACTION]]++);
  const lanes = actions.map((_, index) => index).sort((a, b) => counts[b] - counts[a]);
  const laneOf = actions.map(() => 0);
  lanes.forEach((action, lane) => (laneOf[action] = Math.min(lane, MOST_LANES - 1)));
  const laneCount = Math.min(lanes.length, MOST_LANES);
  const end = Math.max(run.duration_ms, decisions.length ? decisions[decisions.length - 1][TIME] : 0, 1e-6);
  let drag = null;

  const labelWidth = (width) => Math.min(250, width * 0.42);
  const timeAt = (x, width) => Math.min(1, Math.max(0, (x - labelWidth(width)) / (width - labelWidth(width) - 8))) * end;
  const placeOf = (time, width) => labelWidth(width) + (time / end) * (width - labelWidth(width) - 8);

  function draw() {
    const canvas = $("lanes"), ratio = window.devicePixelRatio || 1;
    const width = canvas.parentElement.clientWidth, height = laneCount * LANE_HEIGHT + 24, labels = labelWidth(width);
    if (!width) return;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    canvas.style.height = `${height}px`;
    const pen = canvas.getContext("2d"), look = getComputedStyle(document.documentElement);
    const [ink, soft, line, mark] = ["--ink", "--soft", "--line", "--mark"].map((name) => look.getPropertyValue(name));
    pen.scale(ratio, ratio);
    pen.font = `12px ${getComputedStyle(document.body).fontFamily}`;
    pen.textBaseline = "middle";
    const inside = new Set(state.shown), all = state.shown.length === decisions.length;
    for (let lane = 0; lane < laneCount; lane++) {
      const rest = lane === MOST_LANES - 1 && lanes.length > MOST_LANES, middle = lane * LANE_HEIGHT + LANE_HEIGHT / 2;
      const name = rest ? `${lanes.length - lane} more actions` : actions[lanes[lane]];
      pen.fillStyle = ink;
      pen.fillText(fitted(pen, visible(name), labels - 56), 0, middle);
      pen.fillStyle = soft;
      pen.textAlign = "right";
      pen.fillText((rest ? lanes.slice(lane) : [lanes[lane]]).reduce((sum, action) => sum + counts[action], 0).toLocaleString("en"), labels - 12, middle);
      pen.textAlign = "left";
      pen.fillStyle = line;
      pen.fillRect(labels, middle, width - labels - 8, 1);
    }
    for (const pass of all ? [true] : [false, true]) {
      decisions.forEach((decision, index) => {
        if (!all && inside.has(index) !== pass) return;
        pen.fillStyle = pass ? colour(decision[ACTION]) : line;
        pen.fillRect(placeOf(decision[TIME], width) - 0.75, laneOf[decision[ACTION]] * LANE_HEIGHT + 4, 1.5, LANE_HEIGHT - 8);
      });
    }
    pen.fillStyle = soft;
    const ticks = width - labels > 400 ? 4 : 1;
    for (let step = 0; step <= ticks; step++) {
      const time = (end * step) / ticks;
      pen.textAlign = step === ticks ? "right" : step === 0 ? "left" : "center";
      pen.fillText(elapsed(time), placeOf(time, width), height - 9);
    }
    pen.textAlign = "left";
    if (state.until !== Infinity || drag) {
      const [from, until] = drag ? [Math.min(...drag), Math.max(...drag)] : [state.from, state.until];
      pen.fillStyle = mark;
      pen.globalAlpha = 0.14;
      pen.fillRect(placeOf(from, width), 0, Math.max(1, placeOf(until, width) - placeOf(from, width)), height - 20);
      pen.globalAlpha = 1;
    }
    if (state.position) {
      pen.fillStyle = mark;
      pen.fillRect(placeOf(decisions[state.position - 1][TIME], width) - 1, 0, 2, height - 20);
    }
  }
  function fitted(pen, text, room) {
    if (pen.measureText(text).width <= room) return text;
    let kept = text.slice(0, 60);
    while (kept && pen.measureText(`${kept}…`).width > room) kept = kept.slice(0, -1);
    return `${kept}…`;
  }

  // -- the grid -------------------------------------------------------------------------------------------

  let cells = null, values = new Map(), done = 0;
  const replaced = [];
  const key = (row, column) => row * (grid ? grid.columns.length : 0) + column;
  const firstBefore = new Map(), lastAfter = new Map();
  for (const [, row, column, before, after] of grid ? grid.changes : []) {
    if (!firstBefore.has(key(row, column))) firstBefore.set(key(row, column), before);
    lastAfter.set(key(row, column), after);
  }

  function buildGrid() {
    if (!grid) return;
    const table = element("table"), head = element("thead"), body = element("tbody");
    const top = element("tr");
    top.append(element("th", "", `${grid.row} ↓ ${grid.column} →`), ...grid.columns.map((name) => element("th", "", plain(name))));
    head.append(top);
    cells = grid.rows.map((name, row) => {
      const line = element("tr");
      const made = grid.columns.map((_, column) => {
        const cell = element("td");
        cell.dataset.row = row;
        cell.dataset.column = column;
        return cell;
      });
      line.append(element("th", "", plain(name)), ...made);
      body.append(line);
      return made;
    });
    table.append(head, body);
    $("map").replaceChildren(table);
    // A wide one has the width of the page to itself.
    if (grid.columns.length > 7) document.querySelector("main").append($("map").closest("section"));
  }

  function moveGrid() {
    if (!grid) return;
    while (done < grid.changes.length && grid.changes[done][0] <= state.position) {
      const [, row, column, , after] = grid.changes[done++];
      replaced.push(values.get(key(row, column)));
      values.set(key(row, column), after);
    }
    while (done && grid.changes[done - 1][0] > state.position) {
      const [, row, column] = grid.changes[--done], before = replaced.pop();
      if (before === undefined) values.delete(key(row, column));
      else values.set(key(row, column), before);
    }
    const modes = {
      now: (at) => values.get(at), before: (at) => firstBefore.get(at), after: (at) => lastAfter.get(at),
      change: (at) => (firstBefore.get(at) == null ? undefined : lastAfter.get(at) - firstBefore.get(at)),
    };
    const last = done ? grid.changes[done - 1] : null;
    cells.forEach((line, row) => line.forEach((cell, column) => {
      const value = modes[state.mode](key(row, column));
      cell.textContent = value == null ? "·" : short(value);
      paint(cell, value);
      cell.classList.toggle("here", Boolean(last && last[0] === state.position && last[1] === row && last[2] === column));
    }));
  }
  function paint(cell, value) {
    if (value == null || !grid.largest) {
      cell.style.background = cell.style.color = "";
      return;
    }
    const part = Math.min(1, Math.abs(value) / grid.largest);
    cell.style.background = `hsl(${value > 0 ? 6 : 217} 72% ${94 - part * 48}%)`;
    cell.style.color = part > 0.55 ? "#fff" : "#1b1d21";
  }

  // -- the decision that one is at ------------------------------------------------------------------------

  function tell() {
    const box = $("detail"), decision = decisions[state.position - 1];
    $("position").value = state.position;
    $("where").textContent = `${state.position.toLocaleString("en")} / ${decisions.length.toLocaleString("en")}`;
    if (!decision) {
      box.replaceChildren(element("p", "hint", decisions.length ? "Choose a decision in the list or in the timeline; ← and → step, space plays." : "This run made no decision."));
      return;
    }
    const facts = element("dl");
    const add = (name, value) => facts.append(element("dt", "", name), element("dd", "", plain(value)));
    for (const part of [CELL, VALUES]) {
      if (isMap(decision[part])) Object.entries(decision[part]).forEach(([name, value]) => add(name, value));
      else if (decision[part] != null) add(part === CELL ? "cell" : "values", decision[part]);
    }
    Object.entries(decision[MORE] ?? {}).forEach(([name, value]) => add(name.replace(/^otel_replay\./, ""), value));
    const change = grid && done && grid.changes[done - 1][0] === state.position ? grid.changes[done - 1] : null;
    if (change) add("in the grid", `${change[3] == null ? "?" : short(change[3])} → ${short(change[4])}`);
    const when = new Date(run.started_ms + decision[TIME]).toISOString();
    box.replaceChildren(
      element("div", "action", actions[decision[ACTION]]), element("div", "hint", `decision ${state.position}, ${when}, +${elapsed(decision[TIME])}`),
      element("p", "reason", decision[REASON]), facts,
    );
  }

  function go(position) {
    if (state.mode === "after" && !state.moved && position) setMode("now");
    state.moved ||= position > 0;
    state.position = Math.max(0, Math.min(decisions.length, position));
    moveGrid();
    tell();
    reveal();
    list(false);
    draw();
  }
  function step(by) {
    // On to the next of those that are shown: what lies between has happened all the same.
    const at = state.shown.findIndex((index) => index + 1 > state.position);
    if (by > 0) {
      if (at >= 0) go(state.shown[at] + 1);
      return at >= 0;
    }
    const before = state.shown.filter((index) => index + 1 < state.position).pop();
    go(before === undefined ? 0 : before + 1);
    return true;
  }
  function play(on) {
    clearInterval(state.playing);
    state.playing = null;
    if (on) {
      if (!state.shown.some((index) => index + 1 > state.position)) go(0);
      state.playing = setInterval(() => step(1) || play(false), 1000 / Number($("speed").value));
    }
    $("play").textContent = on ? "❚❚" : "▶";
    $("play").setAttribute("aria-pressed", String(on));
  }

  // -- wiring ---------------------------------------------------------------------------------------------

  lanes.forEach((action) => {
    const option = element("option", "", `${actions[action]} (${counts[action].toLocaleString("en")})`);
    option.value = action;
    $("action").append(option);
  });
  $("position").max = decisions.length;
  $("action").addEventListener("change", choose);
  $("search").addEventListener("input", choose);
  $("all").addEventListener("click", () => {
    Object.assign(state, { from: 0, until: Infinity });
    $("action").value = $("search").value = "";
    choose();
  });
  $("list").addEventListener("scroll", () => list(false), { passive: true });
  $("rows").addEventListener("click", (event) => {
    const row = event.target.closest(".row");
    if (row) go(Number(row.dataset.number));
  });
  $("map").addEventListener("click", (event) => {
    const { row, column } = event.target.dataset;
    if (row === undefined) return;
    const about = (part, at) => `cell.${part}=${at}`;
    $("search").value = [about(grid.row, plain(grid.rows[row])), about(grid.column, plain(grid.columns[column]))].join(" ");
    choose();
  });
  const box = $("lanes");
  box.addEventListener("pointerdown", (event) => {
    box.setPointerCapture(event.pointerId);
    drag = [timeAt(event.offsetX, box.clientWidth), timeAt(event.offsetX, box.clientWidth)];
  });
  box.addEventListener("pointermove", (event) => {
    if (!drag) return;
    drag[1] = timeAt(event.offsetX, box.clientWidth);
    draw();
  });
  box.addEventListener("pointerup", () => {
    if (!drag) return;
    const [from, until] = [Math.min(...drag), Math.max(...drag)];
    drag = null;
    if (until - from > end / 200) {
      Object.assign(state, { from, until });
      choose();
      return;
    }
    const nearest = state.shown.reduce((best, index) => (best < 0 || Math.abs(decisions[index][TIME] - from) < Math.abs(decisions[best][TIME] - from) ? index : best), -1);
    if (nearest >= 0) go(nearest + 1);
    else draw();
  });
  $("position").addEventListener("input", () => go(Number($("position").value)));
  $("play").addEventListener("click", () => play(!state.playing));
  $("speed").addEventListener("change", () => play(Boolean(state.playing)));
  function setMode(mode) {
    state.mode = mode;
    document.querySelectorAll("[data-mode]").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.mode === mode)));
    moveGrid();
  }
  document.querySelectorAll("[data-mode]").forEach((button) => button.addEventListener("click", () => {
    state.moved = true;
    setMode(button.dataset.mode);
  }));
  document.addEventListener("keydown", (event) => {
    if (event.target.closest("input[type=search], select, #steps") || (event.key === " " && event.target.closest("button")) || event.ctrlKey || event.metaKey || event.altKey) return;
    const inList = event.target.closest("#list");
    const actionsOfKeys = {
      ...(inList && { ArrowDown: () => step(1), ArrowUp: () => step(-1) }),
      ArrowRight: () => step(1), ArrowLeft: () => step(-1), Home: () => go(0), End: () => go(decisions.length), " ": () => play(!state.playing),
    };
    if (!actionsOfKeys[event.key]) return;
    event.preventDefault();
    if (event.key !== " ") play(false);
    actionsOfKeys[event.key]();
  });
  window.addEventListener("resize", () => {
    draw();
    list(false);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

  onPrint(() => {
    draw();
    list(false);
  });
  drawSteps(run);
  buildGrid();
  fitColumns();
  choose();
  go(0);
  document.documentElement.dataset.ready = "yes";
})();
