// The page of a generation server: its sessions, the images of one in order, and how two of them differ.
// Nothing that was recorded is ever read as markup: all of it goes in by textContent and by blob URLs.
"use strict";

const $ = (id) => document.getElementById(id);
const state = { session: null, sequence: [], at: 0, playing: 0, other: null, pairs: [], urls: new Map() };

function element(name, text) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  return made;
}

function say(text, wrong = false) {
  $("message").textContent = text;
  $("message").classList.toggle("wrong", wrong);
}

// -- asking the server ------------------------------------------------------------------------------

async function ask(path) {
  const token = sessionStorage.getItem("token");
  const response = await fetch(path, token ? { headers: { Authorization: `Bearer ${token}` } } : {});
  if (response.status === 401) {
    $("token-form").hidden = false;
    $("token").focus();
  }
  if (!response.ok) {
    const told = await response.json().catch(() => ({ detail: `the server answered ${response.status}` }));
    throw new Error(told.detail);
  }
  return response;
}

async function askJson(path) {
  return (await ask(path)).json();
}

function picture(path) {
  if (!state.urls.has(path)) {
    const url = ask(path).then((response) => response.blob()).then((blob) => URL.createObjectURL(blob));
    url.catch(() => state.urls.delete(path));
    state.urls.set(path, url);
  }
  return state.urls.get(path);
}

function forgetPictures() {
  for (const url of state.urls.values()) url.then(URL.revokeObjectURL, () => {});
  state.urls.clear();
}

const imagePath = (session, index) => `session/${encodeURIComponent(session)}/image/${index}`;
const pairQuery = () => `a=${encodeURIComponent(state.session)}&b=${encodeURIComponent(state.other)}`;

// -- sessions -------------------------------------------------------------------------------------

async function showSessions() {
  const { sessions } = await askJson("session/list");
  $("sessions").replaceChildren(...sessions.map((session) => {
    const item = element("li"), button = element("button", session);
    button.type = "button";
    button.setAttribute("aria-current", String(session === state.session));
    button.addEventListener("click", guarded(() => open(session)));
    item.append(button);
    return item;
  }));
  const none = new Option("nothing", "");
  $("other").replaceChildren(none, ...sessions.filter((one) => one !== state.session).map((one) => new Option(one)));
  $("other").value = state.other ?? "";
  if (!state.session) say(sessions.length ? "Choose a session." : "There are no sessions yet.");
}

async function open(session) {
  stop();
  forgetPictures();
  const found = await askJson(`session/${encodeURIComponent(session)}`);
  Object.assign(state, { session, sequence: found.sequence, at: 0, other: null, pairs: [] });
  location.hash = encodeURIComponent(session);
  $("player").hidden = false;
  const began = found.created_at ? `, ${new Date(found.created_at * 1000).toLocaleString()}` : "";
  $("title").textContent = session + began;
  say("");
  $("strip").replaceChildren();
  extendStrip();
  await Promise.all([showSessions(), showImage()]);
}

function extendStrip() {
  for (let at = $("strip").children.length; at < state.sequence.length; at += 1) {
    const entry = state.sequence[at], item = element("li"), button = element("button"), image = element("img");
    button.type = "button";
    image.alt = "";
    button.append(image, element("span", `${entry.index} ${entry.target_sector ?? ""}`));
    button.addEventListener("click", guarded(() => show(at)));
    item.append(button);
    $("strip").append(item);
    seen.observe(button);
  }
  $("position").max = Math.max(0, state.sequence.length - 1);
}

// Small pictures are asked for when they come into sight: a session may have thousands.
const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    seen.unobserve(target);
    const at = [...$("strip").children].indexOf(target.parentElement);
    if (at < 0) continue;
    const path = imagePath(state.session, state.sequence[at].index);
    picture(path).then((url) => { target.firstChild.src = url; }, () => {});
  }
});

// -- one image ----------------------------------------------------------------------------------

async function show(at) {
  if (!state.sequence.length) return;
  state.at = Math.min(Math.max(0, at), state.sequence.length - 1);
  await showImage();
}

async function showImage() {
  const { session, sequence, at } = state;
  const entry = sequence[at];
  $("position").value = at;
  $("where").textContent = sequence.length ? `${at + 1} of ${sequence.length}` : "no images";
  [...$("strip").children].forEach((item, number) => {
    item.firstChild.setAttribute("aria-current", String(number === at));
  });
  $("strip").children[at]?.scrollIntoView({ block: "nearest", inline: "nearest" });
  $("caption").textContent = entry?.prompt ?? "";
  $("image").alt = entry?.prompt ?? "";
  showDetails(entry);
  if (!entry) {
    $("image").removeAttribute("src");
    return;
  }
  const url = await picture(imagePath(session, entry.index));
  if (state.session !== session || state.at !== at) return;
  $("image").src = url;
  $("image").dataset.index = entry.index;
  if (at + 1 < sequence.length) picture(imagePath(session, sequence[at + 1].index)).catch(() => {});
  await showPair();
}

function showDetails(entry) {
  const rows = Object.entries(entry ?? {}).filter(([key, value]) => key !== "prompt" && value !== null && value !== "");
  $("details").replaceChildren(...rows.map(([key, value]) => {
    const row = element("tr");
    const text = key === "timestamp" ? new Date(value * 1000).toLocaleString()
      : typeof value === "object" ? JSON.stringify(value) : String(value);
    row.append(element("th", key), element("td", text));
    return row;
  }));
}

// -- two sessions -------------------------------------------------------------------------------

async function compare(other) {
  state.other = other || null;
  state.pairs = [];
  if (state.other) {
    say("Comparing …");
    const found = await askJson(`session/compare?${pairQuery()}`);
    state.pairs = found.pairs;
    say(found.same ? "No pixel differs." : `${found.different} of ${found.images} images differ.`);
  } else {
    say("");
  }
  await showPair();
}

async function showPair() {
  const pair = state.other ? state.pairs[state.at] : undefined;
  for (const id of ["figure-a", "figure-b", "figure-d"]) $(id).classList.toggle("pair", Boolean(state.other));
  $("figure-b").hidden = !state.other;
  $("figure-d").hidden = !state.other;
  if (!state.other) return;
  $("caption-b").textContent = pair?.b?.prompt ?? "it has no such image";
  $("caption-d").textContent = pair ? inWords(pair) : "";
  $("image-b").removeAttribute("src");
  $("image-d").removeAttribute("src");
  if (!pair?.b) return;
  $("image-b").src = await picture(imagePath(state.other, pair.b.index));
  if (pair.a && typeof pair.pixels === "number") {
    $("image-d").src = await picture(`session/compare/image?${pairQuery()}&index=${pair.index}`);
  }
}

function inWords(pair) {
  if (pair.trouble) return pair.trouble;
  if (!pair.a || !pair.b) return "nothing to compare";
  if (pair.same) return "the same";
  if (pair.pixels === null) return `of different sizes: ${pair.size_a.join(" x ")} and ${pair.size_b.join(" x ")}`;
  const share = (100 * pair.share).toFixed(1);
  return `${pair.pixels} pixels differ (${share} %), by up to ${pair.largest}, ${pair.mean.toFixed(2)} on average`;
}

// -- playing ------------------------------------------------------------------------------------

function stop() {
  clearTimeout(state.playing);
  state.playing = 0;
  $("play").textContent = "Play";
}

function play() {
  if (state.at >= state.sequence.length - 1) state.at = -1;
  $("play").textContent = "Pause";
  step();
}

async function step() {
  const session = state.session;
  state.playing = -1;
  try {
    await show(state.at + 1);
  } catch (error) {
    say(error.message, true);  // an image that cannot be had is told, and the next one comes
  }
  if (state.playing !== -1 || session !== state.session) return;
  if (state.at >= state.sequence.length - 1) stop();
  else state.playing = setTimeout(step, 1000 * Number($("seconds").value));
}

const toggle = () => (state.playing ? stop() : play());

// -- while it is recorded -------------------------------------------------------------------------

async function follow() {
  if ($("follow").checked && state.session) {
    const session = state.session;
    const { sequence } = await askJson(`session/${encodeURIComponent(session)}`);
    if (session === state.session && sequence.length > state.sequence.length) {
      const last = state.at >= state.sequence.length - 1;
      state.sequence = sequence;
      extendStrip();
      await (last ? show(sequence.length - 1) : showImage());
    }
  }
}

// -- the beginning ------------------------------------------------------------------------------

function guarded(action) {
  return (event) => Promise.resolve().then(() => action(event)).catch((error) => say(error.message, true));
}

$("reload").addEventListener("click", guarded(showSessions));
$("previous").addEventListener("click", guarded(() => { stop(); return show(state.at - 1); }));
$("next").addEventListener("click", guarded(() => { stop(); return show(state.at + 1); }));
$("play").addEventListener("click", toggle);
$("position").addEventListener("input", guarded(() => { stop(); return show(Number($("position").value)); }));
$("other").addEventListener("change", guarded(() => compare($("other").value)));
$("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", $("token").value);
  $("token-form").hidden = true;
  guarded(begin)();
});
document.addEventListener("keydown", (event) => {
  const own = event.key === " " ? "input, select, button" : "input, select";  // what has a use for the key
  if (!state.session || event.target.closest(own)) return;
  const action = {
    ArrowLeft: () => $("previous").click(), ArrowRight: () => $("next").click(), " ": toggle,
  }[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});
setInterval(guarded(follow), 1000);

async function begin() {
  await showSessions();
  const wanted = decodeURIComponent(location.hash.slice(1));
  if (wanted) await open(wanted);
}

guarded(begin)();
