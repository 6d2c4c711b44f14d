"use strict";
const MAX = 10000, ROW = 36, AROUND = 8, PAUSE_MS = 2000, MAX_LINES = 400;
const $ = (id) => document.getElementById(id);
const list = $("list"), rows = $("rows"), detail = $("detail"), state = $("state"), filter = $("filter"), panel = $("panel");
// Newest last. Each holds the JSON that arrived: 10,000 objects would take three times the memory.
let items = [], shown = [], chosen = null, lastId = 0, people = [], view = "requests", isDue = false;
const drawn = new Map();
// Whole ids would push what differs out of the list.
const UUID = /\b([0-9a-f]{4})[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{8}([0-9a-f]{4})\b/g;

function make(tag, text = "", name = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = name;
  return made;
}

function button(text, act) {
  const made = make("button", text);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

const ms = (number) => `${number.toFixed(1)} ms`;
const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
const tone = (status) => status === 0 || status >= 500 ? "bad" : status >= 400 ? "warn" : "good";
const verdictTone = (verdict) => verdict === "allowed" ? "good" : /denied|unknown/.test(verdict) ? "bad" : "";
const badge = (text, name = "") => make("span", text, `badge ${name}`);

// The list: only the rows that are in sight are in the document.

function take(data) {
  const { id, status, method, path, person, took_ms, round_trip_count, verdict, rule } = JSON.parse(data);
  if (id <= lastId) return;
  lastId = id;
  const what = person ? `${method} ${path} as ${person}` : `${method} ${path}`;
  const item = { id, status, what, line: `${method} ${path.replace(UUID, "$1…$2")}`, person, took: `${count(round_trip_count, "trip")}, ${ms(took_ms)}`, data,
    words: `${what} ${status} ${Math.floor(status / 100)}xx ${verdict ?? ""} ${rule ?? ""}`.toLowerCase() };
  items.push(item);
  if (items.length > MAX) {
    const [oldest] = items.splice(0, 1);
    if (shown[0] === oldest) shown.shift();
  }
  if (matches(item)) {
    if (shown !== items) shown.push(item);
    // What you look at stays where it is.
    if (list.scrollTop > 0) moved += 1;
  }
  draw();
  if (id === wanted) openRequest(id);
}

let moved = 0, wanted = null;
const matches = (item) => filter.value.toLowerCase().split(/\s+/).every((word) => item.words.includes(word));

function draw() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    const size = shown.length;
    rows.style.height = `${size * ROW}px`;
    if (moved) list.scrollTop += moved * ROW;
    moved = 0;
    const first = Math.max(0, Math.floor(list.scrollTop / ROW) - AROUND);
    const last = Math.min(size, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + AROUND);
    const inSight = new Set();
    for (let at = first; at < last; at += 1) inSight.add(place(shown[size - 1 - at], at, size));
    for (const [id, row] of drawn) {
      if (!inSight.has(id)) { row.remove(); drawn.delete(id); }
    }
    // A screen reader walks the rows in the order of the document.
    const ordered = [...inSight].map((id) => drawn.get(id));
    ordered.forEach((row, at) => { if (rows.children[at] !== row) rows.insertBefore(row, rows.children[at] ?? null); });
    $("total").textContent = shown.length === items.length ? count(items.length, "request") : `${shown.length} of ${items.length}`;
    const active = chosen !== null && drawn.has(chosen);
    if (active) list.setAttribute("aria-activedescendant", `r${chosen}`); else list.removeAttribute("aria-activedescendant");
  });
}

function place(item, at, size) {
  let row = drawn.get(item.id);
  if (!row) {
    row = make("div");
    row.id = `r${item.id}`;
    row.setAttribute("role", "option");
    const what = make("span", item.line, "what");
    if (item.person) what.append(" as ", make("i", item.person));
    what.title = item.what;
    row.append(badge(item.status, tone(item.status)), " ", what, " ", make("span", item.took, "took"));
    drawn.set(item.id, row);
  }
  row.style.transform = `translateY(${at * ROW}px)`;
  row.setAttribute("aria-selected", String(item.id === chosen));
  row.setAttribute("aria-posinset", at + 1);
  row.setAttribute("aria-setsize", size);
  return item.id;
}

// The position from the top of the list; -1 if it is not shown.
function position(id) {
  let low = 0, high = shown.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (shown[middle].id < id) low = middle + 1; else high = middle;
  }
  return shown[low]?.id === id ? shown.length - 1 - low : -1;
}

function choose(at) {
  const item = shown[shown.length - 1 - at];
  if (!item) return;
  chosen = item.id;
  const top = at * ROW, bottom = top + ROW;
  if (top < list.scrollTop) list.scrollTop = top;
  if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
  draw();
  show(JSON.parse(item.data));
}

function openRequest(id) {
  // The response to a request that is asked again may be here before the request is in the list.
  wanted = id > lastId ? id : null;
  if (wanted !== null) return;
  if (position(id) < 0) {
    filter.value = "";
    shown = items;
  }
  choose(position(id));
}

// The details of a request.

function describe(record) {
  const facts = make("dl");
  const claims = record.claims && JSON.stringify(record.claims, null, 1);
  for (const [name, value] of [
    ["Path", record.path],
    ["Problem", record.code],
    ["Rule", record.rule],
    ["Role", record.role],
    ["Claims", claims],
    ["Began", record.at],
  ]) {
    if (value !== null) facts.append(make("dt", name), make("dd", value));
  }
  return facts;
}

function chips(record) {
  const made = make("div", "", "chips");
  made.append(badge(record.status, tone(record.status)));
  if (record.verdict) made.append(badge(record.verdict, verdictTone(record.verdict)));
  if (record.person) made.append(badge(record.person));
  made.append(badge(ms(record.took_ms)), badge(count(record.round_trip_count, "round trip")));
  return made;
}

async function post(action, body) {
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(`/console/${action}`, { method: "POST", headers, body: JSON.stringify(body) });
  const found = await response.json();
  if (!response.ok) throw new Error(found.error);
  return found;
}

// Fill `box` with what the server answers, or with why it cannot.
async function fill(box, presser, action, body, render) {
  presser.disabled = true;
  try {
    box.replaceChildren(...render(await post(action, body)));
  } catch (error) {
    box.replaceChildren(make("div", error.message, "bad"));
  }
  box.hidden = false;
  presser.disabled = false;
  box.scrollIntoView({ block: "nearest" });
}

function statement(each, where, isRequest) {
  const box = make("div", "", "statement"), row = make("div", "", "row"), result = make("div", "", "result");
  const number = each.rows === null ? "did not run" : count(each.rows, "row");
  const values = Object.entries(each.parameters).map(([name, value]) => `${name} = ${value}`);
  result.hidden = true;
  result.setAttribute("role", "region");
  result.setAttribute("aria-label", "Result");
  result.setAttribute("aria-live", "polite");
  row.append(make("span", [number, ...values].join(", "), "note"));
  const explaining = button("Explain", () => fill(result, explaining, "explain", where, plan));
  row.append(explaining);
  if (!each.is_own && isRequest && /^(\(|select|with|values|table)\b/i.test(each.sql)) {
    const asking = button("Who else sees these rows?", () => fill(result, asking, "viewers", where, viewers));
    row.append(asking);
  }
  box.append(make("pre", each.sql), row, result);
  return box;
}

function plan(found) {
  const nodes = make("ol", "", "plan");
  for (const node of found.nodes) {
    const indent = "  ".repeat(node.depth), line = make("li", `${indent}${node.depth ? "→ " : ""}${node.what}`);
    line.append(make("span", `  cost ${node.cost}, about ${count(node.rows, "row")}`, "note"));
    for (const each of node.details) line.append("\n", make("span", `${indent}    ${each}`, "note"));
    nodes.append(line);
  }
  return [make("h4", `Plan as ${found.role}, not executed`), nodes, ...found.tables.flatMap(table)];
}

function table(each) {
  const title = make("h4", `${each.name}: ${each.commands.join(", ")} `);
  if (!each.is_secured) return [title, make("div", "Row-level security is off: the role's rights alone decide.", "warn")];
  if (each.is_bypassed) return [title, make("div", "The role bypasses row-level security.", "warn")];
  if (!each.policies.length) return [title, make("div", "No policy applies, so the role sees no rows.", "bad")];
  const lines = each.policies.map((policy) => [
    policy.name, policy.command, policy.is_permissive ? "permissive" : "restrictive",
    code([policy.using && `using ${policy.using}`, policy.check && `with check ${policy.check}`].filter(Boolean).join("\n")),
  ]);
  return [title, grid(["Policy", "For", "Kind", "Condition"], lines)];
}

const code = (text) => make("pre", text);

function grid(names, lines) {
  const made = make("table"), head = make("tr");
  head.append(...names.map((name) => { const cell = make("th", name); cell.scope = "col"; return cell; }));
  made.append(head, ...lines.map((line) => {
    const row = make("tr");
    row.append(...line.map((value) => { const cell = make("td"); cell.append(value ?? ""); return cell; }));
    return row;
  }));
  return made;
}

function viewers(found) {
  const limit = (number) => number === null ? "" : number > 1000 ? "more than 1000" : String(number);
  return [
    make("h4", "Rows for each person, read and rolled back"),
    grid(["Person", "Access rule", "Rows that policies allow", "Of these rows"], found.map((each) => [
      each.person,
      each.rule ? make("span", each.rule, verdictTone(each.rule)) : "not asked",
      each.error ? make("span", each.error, "bad") : limit(each.rows),
      each.shared ? make("strong", limit(each.shared)) : limit(each.shared),
    ])),
  ];
}

function trip(each, at, record) {
  const total = record.took_ms || 1, box = make("li", "", "trip"), head = make("div", "", "head");
  const track = make("div", "", "track"), bar = make("div", "", each.error ? "bad" : "");
  track.setAttribute("aria-hidden", "true");
  bar.style.left = `${Math.min(99, Math.max(0, 100 * each.began_ms / total))}%`;
  bar.style.width = `${Math.min(100, 100 * each.took_ms / total)}%`;
  track.append(bar);
  head.append(make("strong", each.name), make("span", `${ms(each.took_ms)} from ${ms(each.began_ms)}`, "took"));
  box.append(head, track);
  if (each.verdict) box.append(make("div", `rule ${each.verdict}`, verdictTone(each.verdict)));
  if (each.error) box.append(make("div", each.error, "bad"));
  const where = (one) => ({ id: record.id, trip: at, statement: each.statements.indexOf(one) });
  const draw = (one) => statement(one, where(one), record.claims !== null);
  box.append(...each.statements.filter((one) => !one.is_own).map(draw));
  const own = each.statements.filter((one) => one.is_own);
  if (own.length) {
    const more = make("details");
    more.append(make("summary", `${count(own.length, "statement")} of org-common`), ...own.map(draw));
    box.append(more);
  }
  return box;
}

function again(record) {
  const box = make("div", "", "again"), result = make("div", "", "result");
  result.hidden = true;
  result.setAttribute("role", "region");
  result.setAttribute("aria-label", "Both responses");
  const send = async (presser, person) => {
    const confirmed = !["GET", "HEAD", "OPTIONS"].includes(record.method);
    const who = person ?? "a caller without a token";
    if (confirmed && !await isConfirmed(`Send ${record.method} ${record.path} again as ${who}? It runs completely, and what it writes stays.`)) return;
    for (const each of box.querySelectorAll("button")) each.setAttribute("aria-pressed", String(each === presser));
    await fill(result, presser, "again", { id: record.id, person, confirmed }, (found) => compare(record, found, who));
  };
  box.append(make("span", "Ask again as", "note"));
  for (const person of [...people, null]) {
    const presser = button(person ?? "no token", () => send(presser, person));
    box.append(presser);
  }
  return [box, result];
}

function isConfirmed(text) {
  const dialog = $("confirm");
  $("confirm-text").textContent = text;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

// How many rows a JSON body has: those of a list, or of the only list in an object.
function rowCount(body) {
  try {
    const value = JSON.parse(body);
    const lists = Array.isArray(value) ? [value] : Object.values(value ?? {}).filter(Array.isArray);
    return lists.length === 1 ? count(lists[0].length, "item") : "";
  } catch {
    return "";
  }
}

function lines(response) {
  if (response.body === null) return ["The body is not shown: it is binary, too long, or no longer in memory."];
  try {
    return JSON.stringify(JSON.parse(response.body), null, 2).split("\n").slice(0, MAX_LINES);
  } catch {
    return response.body.split("\n").slice(0, MAX_LINES);
  }
}

// The lines that both have, as a longest common subsequence.
function common(left, right) {
  const lengths = Array.from({ length: left.length + 1 }, () => new Uint16Array(right.length + 1));
  for (let i = left.length - 1; i >= 0; i -= 1) {
    for (let j = right.length - 1; j >= 0; j -= 1) {
      lengths[i][j] = left[i] === right[j] ? lengths[i + 1][j + 1] + 1 : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }
  const kept = [new Set(), new Set()];
  for (let i = 0, j = 0; i < left.length && j < right.length;) {
    if (left[i] === right[j]) { kept[0].add(i); kept[1].add(j); i += 1; j += 1; }
    else if (lengths[i + 1][j] >= lengths[i][j + 1]) i += 1; else j += 1;
  }
  return kept;
}

function compare(record, found, who) {
  const texts = [lines(found.before), lines(found.now)], kept = common(...texts);
  const sides = make("div", "", "sides");
  const same = texts[0].join() === texts[1].join() && found.before.status === found.now.status;
  [[found.before, record, `This request${record.person ? `, ${record.person}` : ""}`, "gone"], [found.now, found.record, `Now, ${who}`, "new"]]
    .forEach(([response, its, title, name], side) => {
      const box = make("div"), facts = make("div", "", "chips"), body = make("pre");
      facts.append(badge(response.status || "no response", tone(response.status)));
      if (its?.verdict) facts.append(badge(its.verdict, verdictTone(its.verdict)));
      const read = (its?.round_trips ?? []).flatMap((each) => each.statements).filter((one) => !one.is_own);
      facts.append(badge(`${count(read.reduce((sum, one) => sum + (one.rows ?? 0), 0), "database row")}`));
      if (rowCount(response.body)) facts.append(badge(rowCount(response.body)));
      body.append(...texts[side].map((line, at) => make("span", line || " ", kept[side].has(at) ? "" : name)));
      box.append(make("h4", title), facts, body);
      sides.append(box);
    });
  const open = found.record ? [button("Open the new request", () => openRequest(found.record.id))] : [];
  return [make("strong", same ? "Both responses are the same." : "The responses differ."), " ", ...open, sides];
}

function show(record) {
  const title = make("h2", record.route ?? `${record.method} without a route`);
  title.id = "title";
  const trips = make("ol"), axis = make("div", "", "axis"), total = record.took_ms || 1;
  axis.setAttribute("aria-hidden", "true");
  axis.append(...[0, .25, .5, .75, 1].map((part) => make("span", ms(part * total))));
  trips.append(...record.round_trips.map((each, at) => trip(each, at, record)));
  detail.replaceChildren(title, chips(record), ...again(record), make("h3", "Request"), describe(record));
  if (record.round_trips.length) detail.append(make("h3", "Round trips to the database"), axis, trips);
  detail.scrollTop = 0;
}

// The panels: read again while you look at one.

const PANELS = {
  outbox: ["Outbox", (data) => data.queues.length || data.refused.length ? [
    grid(["Queue", "Waiting", "Oldest waits", "Refused", "Parked"], data.queues.map((each) => [
      each.queue, each.waiting, each.waiting ? `${each.lag_s.toFixed(1)} s` : "", each.refused, each.parked])),
    ...data.refused.length ? [make("h3", "Refused messages"), grid(["Message", "Queue", "Refusals", "Behind it", "Reason"], data.refused.map((each) => [
      each.id, each.queue, each.is_parked ? `${each.refusals}, parked` : each.refusals, each.waiting, make("span", each.reason, "bad")]))] : [],
  ] : [empty(`The outbox is empty. ${count(data.delivered, "message")} delivered since the server started.`)]],
  mail: ["Mail", (data) => data.messages.length ? data.messages.map(mail)
    : [empty("No mail. Messages that you send to a queue with “mail” in its name appear here instead of in an inbox.")]],
  queues: ["Queues", (data) => !data.is_running ? [empty("No queues run: none of your apps has a trigger for one.")] : [
    grid(["Queue", "Waiting", "In flight", "Dead letters"], data.queues.map((each) => [
      each.name, each.waiting, each.in_flight, each.dead.length ? badge(each.dead.length, "bad") : 0])),
    ...data.queues.filter((each) => each.dead.length).flatMap((each) => [make("h3", `Dead letters of ${each.name}`),
      grid(["Message", "Body"], each.dead.map((letter) => [letter.id, code(letter.body)]))]),
  ]],
  schedules: ["Schedules", (data) => data.schedules.length ? [
    grid(["Schedule", "App", "When", "Last run here", ""], data.schedules.map((each) => [
      each.name, each.app, `${each.expression}, ${each.timezone}`, run(each.last_run), runButton(each.name)])),
  ] : [empty("None of your apps has a schedule.")]],
  caches: ["Caches", (data) => [
    make("h3", "PostgreSQL pages"),
    data.pages ? grid(["From memory", "From disk", "Share from memory"], [[data.pages.from_memory, data.pages.from_disk,
      `${(100 * data.pages.from_memory / Math.max(1, data.pages.from_memory + data.pages.from_disk)).toFixed(1)} %`]]) : empty("No statistics."),
    make("h3", "Secrets"),
    data.secrets ? grid(["From memory", "Fetched", "Stale", "Refreshed"], [[data.secrets.hits,
      Object.values(data.secrets.fetched).reduce((sum, each) => sum + each, 0), data.secrets.stale, data.secrets.refreshed]])
      : empty("None of your apps declares a secret."),
  ]],
  secrets: ["Secrets", (data) => data.secrets.length
    ? [make("p", "Names only. The console never reads a value.", "note"), grid(["Secret", "App"], data.secrets.map((each) => [each.name, each.app]))]
    : [empty("None of your apps declares a secret with Needs(secrets=…).")]],
};
const empty = (text) => make("div", text, "empty");
const run = (last) => !last ? "" : last.error ? make("span", last.error, "bad") : make("span", `succeeded in ${ms(last.took_ms)}`, "good");

function runButton(name) {
  const presser = button("Run now", async () => {
    presser.disabled = true;
    await post("run", { schedule: name }).catch(() => {});
    await refresh();
  });
  presser.setAttribute("aria-label", `Run ${name} now`);
  return presser;
}

function mail(each) {
  const box = make("article", "", "mail"), { subject, template, to, email, text, body, html, ...rest } = each.message;
  const head = make("div", "", "chips");
  head.append(badge(each.is_delivered ? "delivered" : "waits in the outbox", each.is_delivered ? "good" : "warn"), badge(each.queue));
  box.append(make("strong", subject ?? template ?? `Message ${each.id}`), head);
  if (to ?? email) box.append(make("div", `To ${[to ?? email].flat().join(", ")}`, "note"));
  const content = text ?? body ?? html;
  if (content) box.append(code(String(content)));
  if (Object.keys(rest).length) box.append(code(JSON.stringify(rest, null, 2)));
  return box;
}

let seen = "";
async function refresh() {
  if (view === "requests" || document.hidden) return;
  const name = view, text = await (await fetch("/console/panels")).text();
  if (name !== view || text === seen) return;
  seen = text;
  const data = JSON.parse(text)[name] ?? { error: "The server has no panels." };
  const title = make("h2", PANELS[name][0]);
  title.id = "panel-title";
  panel.replaceChildren(title, ...data.error ? [make("p", data.error, "bad")] : PANELS[name][1](data));
}

function open(name) {
  view = name;
  seen = "";
  for (const each of $("views").children) {
    if (each.dataset.view === name) each.setAttribute("aria-current", "page"); else each.removeAttribute("aria-current");
  }
  $("requests").hidden = name !== "requests";
  panel.hidden = name === "requests";
  if (name === "requests") { draw(); list.focus(); } else { panel.replaceChildren(); refresh(); }
}

for (const [name, title] of [["requests", "Requests"], ...Object.entries(PANELS).map(([name, [title]]) => [name, title])]) {
  const made = button(title, () => open(name));
  made.dataset.view = name;
  $("views").append(made);
}

list.addEventListener("keydown", (event) => {
  const at = chosen === null ? -1 : position(chosen), page = Math.max(1, Math.floor(list.clientHeight / ROW) - 1), end = shown.length - 1;
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: end }[event.key];
  if (next !== undefined) choose(Math.min(end, Math.max(0, next)));
  else if (event.key === "Enter" && chosen !== null) detail.focus();
  else return;
  event.preventDefault();
});
list.addEventListener("click", (event) => {
  const row = event.target.closest("[role=option]");
  if (row) choose(position(Number(row.id.slice(1))));
});
list.addEventListener("scroll", draw, { passive: true });
addEventListener("resize", draw);
filter.addEventListener("input", () => {
  shown = filter.value.trim() ? items.filter(matches) : items;
  list.scrollTop = 0;
  draw();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !$("confirm").open && view === "requests") list.focus();
  if (event.key === "/" && view === "requests" && !/INPUT|TEXTAREA/.test(event.target.tagName)) {
    filter.focus();
    event.preventDefault();
  }
});

async function start() {
  shown = items;
  open("requests");
  people = await (await fetch("/console/people")).json();
  const events = new EventSource("/console/events?after=0");
  events.onopen = () => { state.textContent = "Live"; state.className = "live"; };
  events.onerror = () => { state.textContent = "Reconnecting"; state.className = ""; };
  events.onmessage = (event) => take(event.data);
  setInterval(refresh, PAUSE_MS);
}
start();
