const FEW = 6
const kept = new WeakMap()

const fold = text => text.replace(/[İIı]/g, "i").toLowerCase().replace(/i\u0307+/g, "i")
const make = (tag, name, text) => {
  const node = document.createElement(tag)
  if (name) node.className = name
  if (text !== undefined) node.textContent = text
  return node
}

function sideOf(memory, field, value) {
  const choice = memory.choices[field] || { include: [], exclude: [] }
  return choice.include.includes(value) ? "included" : choice.exclude.includes(value) ? "excluded" : ""
}

function clicked(memory, field, value) {
  const side = sideOf(memory, field, value)
  const old = memory.choices[field] || { include: [], exclude: [] }
  const include = old.include.filter(each => each !== value)
  const exclude = old.exclude.filter(each => each !== value)
  if (side === "") include.push(value)
  if (side === "included") exclude.push(value)
  memory.choices = { ...memory.choices, [field]: { include, exclude } }
  memory.click += 1
}

function drawRow(scene, facet, [value, label, count], most) {
  const { memory, data } = scene
  const side = sideOf(memory, facet.name, value)
  const row = make("button", `row ${side} ${count === 0 ? "zero" : ""}`)
  const figure = scene.number.format(count)
  row.type = "button"
  row.dataset.key = JSON.stringify([facet.name, value])
  row.title = `${label} · ${figure}\n${data.words.hint}`
  row.setAttribute("role", "checkbox")
  row.setAttribute("aria-checked", side === "included" ? "true" : side === "excluded" ? "mixed" : "false")
  const spoken = side ? `, ${data.words[side]}` : ""
  row.setAttribute("aria-label", `${facet.label}: ${label}${spoken}, ${figure}`)
  row.append(make("span", "mark", side === "included" ? "✓" : side === "excluded" ? "–" : ""))
  row.append(make("span", "label", label), make("span", "count", figure))
  const bar = make("span", "bar")
  const line = make("i")
  line.style.width = `${most ? (100 * count) / most : 0}%`
  if (count === 0) line.style.minWidth = "0"
  bar.append(line)
  row.append(bar)
  row.onclick = () => {
    clicked(memory, facet.name, value)
    draw(scene)
    scene.setTriggerValue("chosen", { click: memory.click, choices: memory.choices })
  }
  return row
}

function drawFacet(scene, facet, needle) {
  const { memory, data } = scene
  const { words } = data
  const byLabel = fold(facet.label).includes(needle)
  const found = (facet.values || []).filter(each => byLabel || fold(each[1]).includes(needle))
  if (needle && !byLabel && !found.length) return null
  const section = make("section")
  const head = make("h3")
  const open = facet.values !== null
  const foldButton = make("button", "fold")
  foldButton.type = "button"
  foldButton.dataset.key = JSON.stringify(["fold", facet.name])
  foldButton.setAttribute("aria-expanded", String(open))
  foldButton.append(make("span", "arrow", "›"), make("span", "", facet.label))
  if (open && facet.size > FEW) {
    foldButton.append(make("span", "note", words.values.replace("{count}", scene.number.format(facet.size))))
  }
  foldButton.onclick = () => {
    const names = data.facets.filter(each => (each.values !== null) !== (each.name === facet.name)).map(each => each.name)
    scene.setTriggerValue("opened", names)
  }
  head.append(foldButton)
  section.append(head)
  if (!open) return section
  const all = needle ? found.slice(0, 60) : memory.whole.has(facet.name) ? found : found.filter(
    (each, index) => index < FEW || sideOf(memory, facet.name, each[0]))
  const most = Math.max(...facet.values.map(each => each[2]), 0)
  const rows = make("div", memory.whole.has(facet.name) && !needle ? "long" : "")
  rows.setAttribute("role", "group")
  rows.setAttribute("aria-label", facet.label)
  rows.dataset.scroll = facet.name
  for (const each of all) rows.append(drawRow(scene, facet, each, most))
  section.append(rows)
  if (!needle && facet.values.length > FEW) section.append(drawMore(scene, facet))
  if (facet.size > facet.values.length && memory.whole.has(facet.name)) {
    section.append(make("p", "none", words.cut.replace("{count}", scene.number.format(facet.values.length))))
  }
  return section
}

function drawMore(scene, facet) {
  const { memory, data } = scene
  const whole = memory.whole.has(facet.name)
  const text = whole ? data.words.fewer : data.words.all.replace("{count}", scene.number.format(facet.size))
  const more = make("button", "more", text)
  more.type = "button"
  more.dataset.key = JSON.stringify(["more", facet.name])
  more.onclick = () => {
    whole ? memory.whole.delete(facet.name) : memory.whole.add(facet.name)
    draw(scene)
  }
  return more
}

function draw(scene) {
  const { root, memory, data, parentElement } = scene
  const focused = parentElement.activeElement?.dataset?.key
  const scrolled = new Map([...root.querySelectorAll(".long")].map(each => [each.dataset.scroll, each.scrollTop]))
  const list = root.querySelector(".facets")
  const needle = fold(memory.find.trim())
  const sections = data.facets.map(facet => drawFacet(scene, facet, needle)).filter(Boolean)
  list.replaceChildren(...(sections.length ? sections : [make("p", "none", data.words.nothing)]))
  for (const each of root.querySelectorAll(".long")) each.scrollTop = scrolled.get(each.dataset.scroll) || 0
  if (focused) [...root.querySelectorAll("button")].find(each => each.dataset.key === focused)?.focus()
}

export default function (component) {
  const { parentElement, data, setTriggerValue } = component
  const root = parentElement.querySelector(".panel")
  const memory = kept.get(parentElement) || { click: data.click, choices: data.choices, find: "", whole: new Set() }
  kept.set(parentElement, memory)
  if (data.click >= memory.click) {
    memory.click = data.click
    memory.choices = data.choices
  }
  const scene = { root, memory, data, parentElement, setTriggerValue, number: new Intl.NumberFormat(data.language) }
  const find = root.querySelector(".find")
  find.placeholder = data.words.find
  find.setAttribute("aria-label", data.words.find)
  find.oninput = () => {
    memory.find = find.value
    draw(scene)
  }
  root.onkeydown = event => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (!step) return
    const stops = [...root.querySelectorAll(".find, .fold, .row, .more")]
    const next = stops[stops.indexOf(parentElement.activeElement) + step]
    if (next) {
      next.focus()
      event.preventDefault()
    }
  }
  draw(scene)
}
