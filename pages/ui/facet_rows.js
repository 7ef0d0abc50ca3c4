const FEW = 6
const WAIT_MS = 250
const kept = new WeakMap()

const LOOSE = { ç: "c", ğ: "g", ö: "o", ş: "s", ü: "u" }
const fold = text => text.replace(/[İIı]/g, "i").toLowerCase().replace(/i\u0307+/g, "i").replace(/[çğöşü]/g, each => LOOSE[each])
const make = (tag, name, text) => {
  const node = document.createElement(tag)
  if (name) node.className = name
  if (text !== undefined) node.textContent = text
  return node
}
const say = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole)

function push(name, text, key, action) {
  const node = make("button", name, text)
  node.type = "button"
  node.dataset.key = JSON.stringify(key)
  node.onclick = action
  return node
}

const choiceOf = (memory, field) => memory.choices[field] || { include: [], exclude: [] }

function sideOf(memory, field, value) {
  const choice = choiceOf(memory, field)
  return choice.include.includes(value) ? "included" : choice.exclude.includes(value) ? "excluded" : ""
}

function choose(scene, field, include, exclude) {
  const { memory } = scene
  memory.choices = { ...memory.choices, [field]: { include, exclude } }
  memory.click += 1
  draw(scene)
  scene.setTriggerValue("chosen", { click: memory.click, choices: memory.choices })
}

function click(scene, field, value) {
  const side = sideOf(scene.memory, field, value)
  const old = choiceOf(scene.memory, field)
  const include = old.include.filter(each => each !== value)
  const exclude = old.exclude.filter(each => each !== value)
  if (side === "") include.push(value)
  if (side === "included") exclude.push(value)
  choose(scene, field, include, exclude)
}

/* A tick box with three states. A screen reader hears the side in words: "mixed" alone says too little. */
function tristate(scene, node, facet, value, label, figure) {
  const side = sideOf(scene.memory, facet.name, value)
  const spoken = side ? `, ${scene.data.words[side]}` : ""
  if (side) node.classList.add(side)
  node.title = `${label}${figure ? ` · ${figure}` : ""}${spoken}\n${scene.data.words.hint}`
  node.setAttribute("role", "checkbox")
  node.setAttribute("aria-checked", side === "included" ? "true" : side === "excluded" ? "mixed" : "false")
  node.setAttribute("aria-label", `${facet.label}: ${label}${spoken}${figure ? `, ${figure}` : ""}`)
  return side
}

const signOf = side => (side === "included" ? "✓" : side === "excluded" ? "–" : "")

function drawRow(scene, facet, [value, label, count], most) {
  const row = push(`row ${count === 0 ? "zero" : ""}`, "", ["row", facet.name, value], () => click(scene, facet.name, value))
  const figure = count === null ? "" : scene.number.format(count)
  const side = tristate(scene, row, facet, value, label, figure)
  row.append(make("span", "mark", signOf(side)), make("span", "label", label), make("span", "count", figure))
  const bar = make("span", "bar")
  const line = make("i")
  line.style.width = `${most ? (100 * (count || 0)) / most : 0}%`
  if (!count) line.style.minWidth = "0"
  bar.append(line)
  row.append(bar)
  return row
}

/* Chosen values that no answer has a count for yet: just typed, or of a facet whose answer is on its way. */
function unanswered(memory, facet, rows) {
  const choice = choiceOf(memory, facet.name)
  const known = new Set([...rows, ...facet.bars].map(each => each[0]))
  const quick = new Map(facet.quick.map(each => [each[0], each[2]]))
  const found = facet.sought ? new Map(facet.sought.rows.map(each => [each[0], each])) : new Map()
  return [...choice.include, ...choice.exclude].filter(value => !known.has(value)).map(
    value => found.get(value) || [value, quick.get(value) || String(value).replace(/\.\.=?/, " – "), null])
}

function drawRows(scene, facet, rows, isLong) {
  const most = Math.max(...rows.map(each => each[2] || 0), 0)
  const box = make("div", isLong ? "long" : "")
  box.setAttribute("role", "group")
  box.setAttribute("aria-label", facet.label)
  box.dataset.scroll = facet.name
  for (const each of rows) box.append(drawRow(scene, facet, each, most))
  return box
}

function drawValues(scene, facet, needle) {
  const { memory, data } = scene
  const seeking = memory.sought[facet.name] || ""
  const all = [...facet.rows, ...unanswered(memory, facet, facet.rows)]
  const byLabel = fold(facet.label).includes(needle)
  const whole = memory.whole.has(facet.name)
  const parts = []
  const known = facet.rows.filter(each => each[0] !== null).length
  const isCut = facet.size > known
  if (isCut || seeking) parts.push(drawSearch(scene, facet))
  if (seeking) {
    const answered = facet.sought && facet.sought.needle === seeking
    const rows = answered ? facet.sought.rows : all.filter(each => fold(each[1]).includes(fold(seeking)))
    parts.push(drawRows(scene, facet, rows.slice(0, 60), true))
    const count = answered ? scene.number.format(facet.sought.size) : "…"
    parts.push(make("p", "none", say(data.words.found, { count })))
    return parts
  }
  const rows = needle && !byLabel ? all.filter(each => fold(each[1]).includes(needle)).slice(0, 60)
    : whole ? all : all.filter((each, index) => index < FEW || each[0] === null || sideOf(memory, facet.name, each[0]))
  parts.push(drawRows(scene, facet, rows, whole && !needle))
  if (!all.length) parts.push(make("p", "none", data.words.empty))
  if (needle && !byLabel && isCut) {
    parts.push(push("more", say(data.words.everywhere, { needle: memory.find.trim(), count: scene.number.format(facet.size) }),
      ["everywhere", facet.name], () => seek(scene, facet, memory.find.trim(), 0)))
  } else if (!needle && all.length > FEW) {
    const text = whole ? data.words.fewer : isCut ? say(data.words.some, { count: scene.number.format(known) })
      : say(data.words.all, { count: scene.number.format(facet.size) })
    parts.push(push("more", text, ["more", facet.name], () => {
      whole ? memory.whole.delete(facet.name) : memory.whole.add(facet.name)
      draw(scene)
    }))
  }
  return parts
}

function seek(scene, facet, text, wait) {
  const { memory } = scene
  const needle = text.trim().replace(/\s+/g, " ").slice(0, 60)
  memory.sought = { ...memory.sought, [facet.name]: needle }
  clearTimeout(memory.timers[facet.name])
  memory.timers[facet.name] = setTimeout(() => {
    kept.get(scene.parentElement).send("sought", { field: facet.name, needle })
  }, wait)
  draw(scene)
}

function drawSearch(scene, facet) {
  const text = say(scene.data.words.search, { count: scene.number.format(facet.size) })
  const input = field(scene, ["seek", facet.name], "search", text)
  input.classList.add("within")
  if (scene.parentElement.activeElement !== input) input.value = scene.memory.sought[facet.name] || ""
  input.oninput = () => seek(scene, facet, input.value, WAIT_MS)
  return input
}

/* One node for each place, kept through redraws: what is half typed stays, and so does the caret. */
function field(scene, key, type, label) {
  const { memory } = scene
  const name = JSON.stringify(key)
  if (!memory.fields.has(name)) {
    const input = make("input", "field")
    input.type = type
    input.dataset.key = name
    input.spellcheck = false
    input.autocomplete = "off"
    memory.fields.set(name, input)
  }
  const input = memory.fields.get(name)
  input.placeholder = label
  input.setAttribute("aria-label", label)
  return input
}
