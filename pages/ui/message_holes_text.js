const kept = new WeakMap()
const WAIT = 350
const BEGUN = /(^|[^\p{L}\p{N}_@])@([\p{L}\p{N}_]*)$/u
const WHOLE = /(^|[^A-Za-z0-9_@])@([a-z][a-z0-9_]*)(?::([A-Za-z_]+))?/g

const fold = text => text.replace(/[İIı]/g, "i").toLowerCase().replace(/i\u0307+/g, "i")
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other)
const make = (tag, name, text) => {
  const node = document.createElement(tag)
  if (name) node.className = name
  if (text !== undefined) node.textContent = text
  return node
}

function piecesOfText(text, scene) {
  const pieces = []
  let place = 0
  const say = words => words && pieces.push({ text: words.replaceAll("@@", "@"), field: "", format: "" })
  for (const match of text.matchAll(WHOLE)) {
    const field = scene.fields.get(match[2])
    const form = field && field.formats.some(each => each[0] === match[3]) ? match[3] : ""
    const start = match.index + match[1].length
    const length = 1 + match[2].length + (form ? 1 + form.length : 0)
    say(text.slice(place, start))
    pieces.push({ text: "", field: match[2], format: form })
    place = start + length
  }
  say(text.slice(place))
  return pieces
}

function read(box, scene) {
  const pieces = []
  for (const node of box.childNodes) {
    const field = node.dataset?.field
    if (field) pieces.push({ text: "", field, format: node.dataset.format })
    else pieces.push(...piecesOfText(node.textContent.replace(/\u200b/g, "").replace(/[\u00a0\n]/g, " "), scene))
  }
  return pieces
}

function chip(scene, box, { field, format }) {
  const known = scene.fields.get(field)
  const node = make("span", known ? "chip" : "chip strange", known ? known.label : `@${field}`)
  const form = known?.formats.find(each => each[0] === format && format)
  node.contentEditable = "false"
  node.dataset.field = field
  node.dataset.format = format
  node.title = known ? scene.words.format : scene.words.strange
  if (form) node.append(make("small", "", form[1]))
  node.onclick = () => openFormats(scene, box, node)
  return node
}

function write(scene, box, pieces) {
  const nodes = []
  for (const piece of pieces) nodes.push(piece.field ? chip(scene, box, piece) : piece.text.replaceAll("@", "@@"))
  if (pieces.at(-1)?.field) nodes.push("\u200b")
  box.replaceChildren(...nodes)
}

const selectionOf = scene => (scene.parentElement.getSelection?.() || document.getSelection())

function begun(scene, box) {
  const chosen = selectionOf(scene)
  const node = chosen?.focusNode
  if (!node || node.nodeType !== 3 || !box.contains(node)) return null
  const match = BEGUN.exec(node.data.slice(0, chosen.focusOffset))
  return match && { node, end: chosen.focusOffset, start: chosen.focusOffset - match[2].length - 1, needle: fold(match[2]) }
}

function closeList(scene) {
  scene.list.hidden = true
  scene.memory.open = null
  for (const box of scene.root.querySelectorAll(".box")) box.setAttribute("aria-expanded", "false")
}

function openList(scene, box, options, near) {
  const { list, memory } = scene
  const start = scene.root.getBoundingClientRect()
  list.replaceChildren()
  options.forEach((option, index) => {
    const row = make("div", "option")
    row.id = `option-${index}`
    row.setAttribute("role", "option")
    row.append(make("span", "", option.label), make("small", "", option.note || ""))
    row.onmousedown = event => { event.preventDefault(); option.choose() }
    list.append(row)
  })
  memory.open = { options, at: 0, box }
  list.hidden = false
  box.setAttribute("aria-expanded", "true")
  list.style.left = `${Math.max(0, Math.min(near.left - start.left, start.width - 260))}px`
  list.style.top = `${near.bottom - start.top + 5}px`
  point(scene, 0)
}

function point(scene, at) {
  const { memory, list } = scene
  memory.open.at = (at + memory.open.options.length) % memory.open.options.length
  ;[...list.children].forEach((row, index) => row.setAttribute("aria-selected", String(index === memory.open.at)))
  list.children[memory.open.at].scrollIntoView({ block: "nearest" })
  memory.open.box.setAttribute("aria-activedescendant", `option-${memory.open.at}`)
}

function openFormats(scene, box, node) {
  const field = scene.fields.get(node.dataset.field)
  const change = work => () => { work(); closeList(scene); typed(scene, box, 0) }
  const options = (field?.formats || []).map(([format, label, example]) => ({
    label, note: example,
    choose: change(() => node.replaceWith(chip(scene, box, { field: field.name, format }))),
  }))
  options.push({ label: scene.words.remove, choose: change(() => node.remove()) })
  openList(scene, box, options, node.getBoundingClientRect())
  box.focus()
}

function suggest(scene, box) {
  const place = begun(scene, box)
  if (!place) return closeList(scene)
  const all = [...scene.fields.values()]
  const first = all.filter(each => each.name.startsWith(place.needle) || fold(each.label).startsWith(place.needle))
  const rest = all.filter(each => !first.includes(each) && (each.name + fold(each.label)).includes(place.needle))
  const found = [...first, ...rest].slice(0, 60)
  if (!found.length) return closeList(scene)
  const range = document.createRange()
  range.setStart(place.node, place.start)
  range.setEnd(place.node, place.end)
  openList(scene, box, found.map(field => ({
    label: field.label, note: field.sample || `@${field.name}`, choose: () => choose(scene, box, place, field),
  })), range.getBoundingClientRect())
}

function choose(scene, box, place, field) {
  const rest = place.node.splitText(place.start)
  rest.deleteData(0, place.end - place.start)
  if (!rest.data) rest.data = "\u200b"
  rest.before(chip(scene, box, { field: field.name, format: "" }))
  selectionOf(scene).collapse(rest, rest.data === "\u200b" ? 1 : 0)
  closeList(scene)
  typed(scene, box, 0)
}

function typed(scene, box, wait = WAIT) {
  const { memory } = scene
  const value = memory.values[box.dataset.key]
  value.pieces = read(box, scene)
  memory.dirty = true
  box.classList.toggle("empty", !value.pieces.length)
  drawElse(scene, box.closest(".row"))
  clearTimeout(memory.timer)
  if (memory.open) return
  memory.timer = setTimeout(() => send(scene), wait)
}

function send(scene) {
  const { memory } = scene
  clearTimeout(memory.timer)
  memory.dirty = false
  const sent = Object.fromEntries(Object.entries(memory.values).map(([key, value]) => [
    key, { pieces: value.pieces, fallback: value.instead ? value.fallback : "" },
  ]))
  if (same(sent, memory.sent)) return
  memory.sent = sent
  memory.count += 1
  memory.setTriggerValue("typed", { count: memory.count, values: sent })
}

function pressed(scene, box, event) {
  const { open } = scene.memory
  event.stopPropagation()
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
  if (open && step) point(scene, open.at + step)
  else if (open && (event.key === "Enter" || event.key === "Tab")) open.options[open.at].choose()
  else if (open && event.key === "Escape") { closeList(scene); typed(scene, box) }
  else if (event.key !== "Enter") return
  event.preventDefault()
}
