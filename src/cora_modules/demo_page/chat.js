// The page: who asks, where, about which documents. It shows text as text only, and keeps nothing in the browser.

import { Api, describe } from "./api.js";

const MEDIA_TYPES = {
  docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  htm: "text/html",
  html: "text/html",
  markdown: "text/markdown",
  md: "text/markdown",
  pdf: "application/pdf",
  txt: "text/plain",
  xhtml: "application/xhtml+xml",
};
const STATUS = {
  pending: "waits for its upload",
  uploaded: "waits for a worker",
  processing: "is being read",
  indexed: "indexed",
  failed: "failed",
};
const ADMINS = ["org_admin", "org_owner", "ws_admin", "ws_owner"];
const POLL_MS = 500;
// How much text the dialog shows on both sides of a passage, in characters.
const AROUND = 300;

const $ = (id) => document.getElementById(id);
let tokens = {};
let server = { queues: false };
let orgs = [];
let workspaces = [];
let bases = [];
let api = null;
let chat = null;
let answering = null;
let leave = new AbortController();
let timer = 0;

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function fill(select, options, chosen) {
  select.replaceChildren(...options.map(([value, text]) => element("option", { value, textContent: text })));
  if (chosen) select.value = chosen;
  select.disabled = options.length === 0;
}

// Ends what still runs for the previous choice, and runs `work`. Shows its error.
async function change(work) {
  leave.abort();
  leave = new AbortController();
  clearTimeout(timer);
  api = new Api(tokens[$("person").value], leave.signal);
  await attempt(work);
}

async function attempt(work) {
  const { signal } = leave;
  $("alert").hidden = true;
  try {
    await work();
  } catch (error) {
    if (signal.aborted) return;
    $("alert").textContent = error.message;
    $("alert").hidden = false;
  }
}

const chosen = (items, id) => items.find((item) => item.id === $(id).value);
const place = () => ($("workspace").value ? `/workspaces/${$("workspace").value}` : `/orgs/${$("org").value}`);

async function choosePerson() {
  fill($("org"), []);
  fill($("workspace"), []);
  showBases([]);
  orgs = await api.list("/orgs");
  fill($("org"), orgs.map((org) => [org.id, org.name]));
  await chooseOrg();
}

async function chooseOrg() {
  fill($("workspace"), []);
  showBases([]);
  if (!$("org").value) {
    $("news").textContent = "This person is not a member of an organization.";
    return;
  }
  workspaces = await api.list(`/orgs/${$("org").value}/workspaces`);
  fill($("workspace"), [["", "All of the organization"], ...workspaces.map((each) => [each.id, each.name])]);
  await choosePlace();
}

async function choosePlace(base) {
  showBases([]);
  const { myRole } = chosen(workspaces, "workspace") ?? chosen(orgs, "org");
  $("new-base").hidden = !ADMINS.includes(myRole);
  showBases(await api.list(`${place()}/kb`), base);
  $("news").textContent = bases.length ? "" : "There is no knowledge base here.";
  await chooseBase();
}

function showBases(found, base) {
  bases = found;
  fill($("base"), bases.map((each) => [each.id, each.name]), base);
  showDocuments([]);
  newChat();
  $("new-base").hidden ||= !$("org").value;
  $("upload").hidden = true;
  $("upload-note").hidden = true;
}

async function chooseBase() {
  const base = chosen(bases, "base");
  newChat();
  $("upload").hidden = !base?.canWrite || !server.queues;
  $("upload-note").hidden = !base || !$("upload").hidden;
  $("upload-note").textContent = server.queues
    ? "This person cannot add documents here."
    : "Documents need queues, which do not run: pip install 'org-common[queues]', and start org-common dev again.";
  if (base) await watchDocuments();
}

async function createBase() {
  const made = await api.post(`${place()}/kb`, { name: $("base-name").value });
  $("base-name").value = "";
  await choosePlace(made.id);
  $("news").textContent = `${made.name} is created.`;
}

// --- documents ---

async function watchDocuments() {
  const { signal } = leave;
  clearTimeout(timer);
  const documents = await api.list(`/kb/${$("base").value}/documents`);
  showDocuments(documents);
  const works = documents.some(({ status }) => status === "uploaded" || status === "processing");
  if (works && !signal.aborted) timer = setTimeout(() => attempt(watchDocuments), POLL_MS);
}

function showDocuments(documents) {
  const body = $("documents").tBodies[0];
  const shown = JSON.stringify(documents);
  if (body.dataset.shown === shown) return;
  body.dataset.shown = shown;
  $("documents").hidden = documents.length === 0;
  body.replaceChildren(...documents.map(documentRow));
  if (documents.length) $("news").textContent = `${documents[0].filename}: ${statusOf(documents[0])}.`;
}

function documentRow(one) {
  const row = element("tr", {}, element("th", { scope: "row", textContent: one.filename }));
  row.append(element("td", { textContent: statusOf(one) }), element("td", { textContent: one.chunkCount }));
  row.dataset.status = one.status;
  return row;
}

const statusOf = ({ status, error }) => STATUS[status] + (error ? `: ${error}` : "");

async function upload() {
  const file = $("file").files[0];
  const mediaType = MEDIA_TYPES[file.name.split(".").pop().toLowerCase()];
  if (!mediaType) throw new Error("Choose a PDF, Word (DOCX), HTML, Markdown or text file.");
  $("news").textContent = `Uploading ${file.name} …`;
  const button = $("upload").querySelector("button");
  button.disabled = true;
  try {
    await api.upload($("base").value, file, mediaType);
  } finally {
    button.disabled = false;
  }
  $("upload").reset();
  await watchDocuments();
}

// --- the chat ---

function newChat() {
  answering?.abort();
  chat = null;
  $("messages").replaceChildren();
  $("send").disabled = !$("base").value;
}

async function createChat(question) {
  const title = Array.from(question.trim()).slice(0, 80).join("");
  const made = $("workspace").value
    ? await api.post(`${place()}/chats`, { title })
    : await api.post("/users/me/chats", { orgId: $("org").value, title });
  await api.send("PUT", `/chats/${made.id}/bases`, { baseIds: [$("base").value] });
  return made.id;
}

async function ask() {
  const question = $("question").value;
  if (!question.trim() || $("send").disabled) return;
  const stopped = (answering = new AbortController());
  const signal = AbortSignal.any([leave.signal, stopped.signal]);
  $("send").disabled = true;
  $("stop").disabled = false;
  try {
    const asked = chat ?? (await createChat(question));
    signal.throwIfAborted();
    chat = asked;
    $("question").value = "";
    await showAnswer(question, signal);
  } catch (error) {
    if (!stopped.signal.aborted) throw error;
    $("news").textContent = "Stopped.";
  } finally {
    if (answering === stopped) {
      $("send").disabled = !$("base").value;
      $("stop").disabled = true;
    }
  }
}

async function showAnswer(question, signal) {
  addMessage("question", $("person").value).append(question);
  const text = addMessage("answer", "Answer");
  const answer = new Answer(text);
  // Screen readers read a live region when it is complete.
  text.setAttribute("aria-busy", "true");
  try {
    for await (const { name, data } of api.ask(chat, question, signal)) answer.take(name, data);
  } finally {
    answer.end();
    text.setAttribute("aria-busy", "false");
  }
}

function addMessage(type, author) {
  const text = element("div", { className: "text" });
  const title = element("h3", { textContent: author });
  $("messages").append(element("article", { className: `message ${type}` }, title, text));
  scrollDown();
  return text;
}

function scrollDown() {
  $("messages").scrollTop = $("messages").scrollHeight;
}

class Answer {
  constructor(text) {
    this.text = text;
    this.pending = "";
    this.citations = [];
  }

  take(name, data) {
    if (name === "citations") this.citations = data.items;
    if (name === "delta") this.add(data.text);
    if (name === "done") this.end(true);
    if (name === "error") throw new Error(describe(data));
  }

  // Adds text, and a button for each "[1]" in it, which may arrive in parts.
  add(received) {
    const parts = (this.pending + received).split(/(\[\d+\])/);
    const last = parts.pop();
    const open = /\[\d*$/.exec(last)?.index ?? last.length;
    this.pending = last.slice(open);
    this.text.append(...parts.map((part) => this.citation(part)), last.slice(0, open));
    scrollDown();
  }

  citation(part) {
    const number = /^\[(\d+)\]$/.exec(part)?.[1];
    const found = this.citations.find((each) => String(each.number) === number);
    return found ? citationButton(found, part) : part;
  }

  end(isComplete = false) {
    this.text.append(this.pending);
    this.pending = "";
    if (!isComplete) return;
    const sources = this.citations.map((each) => element("li", {}, citationButton(each, sourceName(each))));
    const list = element("ul", { className: "sources" }, ...sources);
    list.setAttribute("aria-label", "Sources");
    const nothing = element("p", { className: "sources", textContent: "No passage was found." });
    this.text.after(sources.length ? list : nothing);
    scrollDown();
  }
}

const sourceName = ({ number, title, page }) => `[${number}] ${title}${page ? `, page ${page}` : ""}`;

function citationButton(citation, text) {
  const button = element("button", { type: "button", className: "cite", textContent: text });
  button.setAttribute("aria-label", `Source ${sourceName(citation)}`);
  button.onclick = () => attempt(() => showPassage(citation));
  return button;
}

async function showPassage(citation) {
  const { baseId, documentId, start, end, heading, box } = citation;
  const from = Math.max(0, start - AROUND);
  const path = `/kb/${baseId}/documents/${documentId}/text?start=${from}&length=${end - from + AROUND}`;
  const part = await api.get(path);
  // Positions count code points, and a string of JavaScript has UTF-16 units.
  const characters = Array.from(part.content);
  const cut = (begin, stop) => characters.slice(begin - part.start, stop - part.start).join("");
  $("passage-title").textContent = sourceName(citation);
  const place = box ? `, box ${box.slice(0, 2).join(", ")} to ${box.slice(2).join(", ")} points` : "";
  $("passage-place").textContent = `${heading ? `${heading}, ` : ""}characters ${start} to ${end}${place}`;
  const mark = element("mark", { textContent: cut(start, end) });
  $("passage-text").replaceChildren(cut(part.start, start), mark, cut(end, part.end));
  $("passage").showModal();
  mark.scrollIntoView({ block: "center" });
}

// --- start ---

function submit(id, work) {
  $(id).addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(work);
  });
}

async function read(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

async function start() {
  [tokens, server] = await Promise.all([read("/docs/tokens.json"), read("server.json")]);
  fill($("person"), Object.keys(tokens).map((name) => [name, name]));
  await change(choosePerson);
}

$("person").onchange = () => change(choosePerson);
$("org").onchange = () => change(chooseOrg);
$("workspace").onchange = () => change(choosePlace);
$("base").onchange = () => change(chooseBase);
$("stop").onclick = () => answering?.abort();
$("new-chat").onclick = () => {
  newChat();
  $("question").focus();
};
$("question").onkeydown = (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("ask").requestSubmit();
};
submit("new-base", createBase);
submit("upload", upload);
submit("ask", ask);
attempt(start);
