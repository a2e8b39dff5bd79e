// The spans of a run as a tree on a time scale; the one that is chosen is told beside it.
const drawSteps = (run) => {
  // a step: [depth, kind, name, start in ms, length in ms or null, status, message, facts, what was said, spans not shown, moments, what asked for it: [its step or null, name, how that is known]]
  const [DEPTH, KIND, NAME, START, LENGTH, STATUS, MESSAGE, FACTS, SAID, FOLDED, MOMENTS, CAUSE] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
  const ROW_HEIGHT = 26, steps = run.steps, box = byId("steps"), rows = byId("steprows");
  if (!steps.length) return;
  const end = steps.reduce((most, step) => Math.max(most, step[START] + (step[LENGTH] ?? 0)), Math.max(run.duration_ms, 1e-6));
  // The word for its kind stands before the name already.
  const kindOf = (step) => (step[KIND] === "other" ? "span" : step[KIND]);
  const nameOf = (step) => (step[KIND] === "other" ? step[NAME] : step[NAME].replace(/^(run|task|process|execute_tool|invoke_agent) (?=.)/, "")) || "?";
  let chosen = -1;

  function draw() {
    rows.style.height = `${steps.length * ROW_HEIGHT}px`;
    box.style.height = `${Math.min(460, steps.length * ROW_HEIGHT + 2)}px`;
    const first = printing ? 0 : Math.max(0, Math.floor(box.scrollTop / ROW_HEIGHT) - 5);
    const last = Math.min(steps.length, printing ? MOST_PRINTED : first + Math.ceil(box.clientHeight / ROW_HEIGHT) + 10);
    const made = [];
    for (let index = first; index < last; index++) made.push(row(index));
    rows.replaceChildren(...made);
  }
  function row(index) {
    const step = steps[index], line = element("div", index === chosen ? "row steprow here" : "row steprow");
    line.style.top = `${index * ROW_HEIGHT}px`;
    line.dataset.index = index;
    line.id = `step${index}`;
    line.setAttribute("role", "option");
    line.setAttribute("aria-selected", String(index === chosen));
    const name = element("span", "name"), bad = step[STATUS] === "error" || step[STATUS] === "open";
    name.style.paddingLeft = `${Math.min(step[DEPTH], 12) * 14}px`;
    name.append(element("span", `kind kind-${step[KIND].replace(" ", "-")}`, kindOf(step)), " ", element("span", bad ? "bad" : "", nameOf(step)));
    name.title = visible(step[NAME]);
    const scale = element("span", "scale"), bar = element("span", bad ? "bar failed" : `bar kind-${step[KIND].replace(" ", "-")}`);
    const from = Math.min(1, Math.max(0, step[START] / end)), length = step[LENGTH] === null ? 1 - from : Math.min(1 - from, step[LENGTH] / end);
    bar.style.left = `${from * 100}%`;
    bar.style.width = `max(2px, ${length * 100}%)`;
    scale.append(bar);
    line.append(name, scale, element("span", bad ? "took bad" : "took", step[LENGTH] === null ? "open" : elapsed(step[LENGTH])));
    return line;
  }
  function tell() {
    const step = steps[chosen], facts = element("dl"), parts = [];
    const add = (name, value) => facts.append(element("dt", "", name), element("dd", "", plain(value)));
    parts.push(element("div", "action", `${kindOf(step)} ${nameOf(step)}`));
    parts.push(element("div", "hint", `+${elapsed(step[START])}, ${step[LENGTH] === null ? "and no end was recorded" : `took ${elapsed(step[LENGTH])}`}`));
    if (step[STATUS] === "error") parts.push(element("p", "reason bad", `failed${step[MESSAGE] ? `: ${step[MESSAGE]}` : ""}`));
    const said = new Set(step[SAID].map(([heading]) => heading));
    for (const [name, value] of Object.entries(step[FACTS])) {
      const short = name.replace(/^(otel_replay|gen_ai)\./, "");
      if (!said.has(short.replace("tool.call.", ""))) add(short, value);
    }
    if (step[CAUSE]) {
      const [place, name, by] = step[CAUSE], told = element("dd");
      const asker = place === null ? element("span", "", name) : element("button", "leads", `${name} +${elapsed(steps[place][START])}`);
      if (place !== null) asker.addEventListener("click", () => choose(place));
      told.append(`by ${by}: `, asker);
      facts.append(element("dt", "", "cause"), told);
    }
    if (step[MOMENTS]) add("decisions, events", step[MOMENTS].toLocaleString("en"));
    if (step[FOLDED]) add("in it", `${step[FOLDED].toLocaleString("en")} more spans that are not on this page`);
    parts.push(facts);
    for (const [heading, text] of step[SAID]) {
      const block = element("div", heading === "answer" || heading === "result" ? "said answer" : "said");
      block.append(element("div", "who", heading), element("div", "words", text));
      parts.push(block);
    }
    byId("step").replaceChildren(...parts);
  }
  function choose(index) {
    chosen = Math.max(0, Math.min(steps.length - 1, index));
    const top = chosen * ROW_HEIGHT;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + ROW_HEIGHT > box.scrollTop + box.clientHeight) box.scrollTop = top + ROW_HEIGHT - box.clientHeight;
    draw();
    tell();
    box.setAttribute("aria-activedescendant", `step${chosen}`);
  }
  box.addEventListener("scroll", draw, { passive: true });
  rows.addEventListener("click", (event) => {
    const line = event.target.closest(".row");
    if (line) choose(Number(line.dataset.index));
  });
  box.addEventListener("keydown", (event) => {
    const to = { ArrowDown: chosen + 1, ArrowUp: chosen - 1, PageDown: chosen + 15, PageUp: chosen - 15, Home: 0, End: steps.length - 1 }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    choose(to);
  });
  window.addEventListener("resize", draw);
  onPrint(draw);
  // What a person looks for first: what failed, else a call, else the run.
  const failed = steps.findLastIndex((step) => step[STATUS] === "error"), call = steps.findIndex((step) => step[KIND] === "generation");
  choose(failed >= 0 ? failed : Math.max(0, call));
  box.scrollTop = 0;
  draw();
};
