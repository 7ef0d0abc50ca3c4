function drawElse(scene, row) {
  const key = row.dataset.key
  const value = scene.memory.values[key]
  const place = row.querySelector(".else")
  const needed = value.pieces.some(each => each.field && each.field !== "today") && !row.dataset.optional
  if (needed === Boolean(place.childElementCount)) return
  place.replaceChildren()
  if (!needed) return
  const name = `else-${key}`
  const input = make("input", "instead")
  const option = (instead, text) => {
    const label = make("label", "")
    const radio = make("input")
    radio.type = "radio"
    radio.name = name
    radio.checked = value.instead === instead
    radio.onchange = () => {
      value.instead = instead
      if (instead) input.focus()
      send(scene)
    }
    label.append(radio, text)
    return label
  }
  input.value = value.fallback
  input.placeholder = scene.words.text
  input.setAttribute("aria-label", row.dataset.ifEmpty)
  input.onkeydown = event => event.stopPropagation()
  input.oninput = () => {
    value.fallback = input.value
    value.instead = true
    scene.memory.dirty = true
    place.querySelectorAll("input[type=radio]")[1].checked = true
    clearTimeout(scene.memory.timer)
    scene.memory.timer = setTimeout(() => send(scene), WAIT)
  }
  input.onblur = () => send(scene)
  place.append(make("span", "", scene.words.ifEmpty), option(false, scene.words.out), option(true, scene.words.instead), input)
}

function drawRow(scene, slot) {
  const row = make("div", "row")
  const head = make("div", "head")
  const box = make("div", "box")
  row.dataset.key = box.dataset.key = slot.key
  row.dataset.ifEmpty = slot.ifEmpty
  if (slot.optional) row.dataset.optional = "1"
  if (slot.hole) head.append(make("span", "mark", slot.hole))
  head.append(make("span", "label", slot.label))
  if (slot.prefix) head.append(make("span", "prefix", slot.prefix))
  box.contentEditable = "true"
  box.spellcheck = false
  box.dataset.hint = slot.hint
  box.setAttribute("role", "combobox")
  box.setAttribute("aria-label", slot.label)
  box.setAttribute("aria-autocomplete", "list")
  box.setAttribute("aria-controls", "fields")
  box.oninput = () => { suggest(scene, box); typed(scene, box) }
  box.onkeydown = event => pressed(scene, box, event)
  box.onfocus = () => window.dispatchEvent(new CustomEvent("ulak:look", { detail: slot.key }))
  box.onblur = () => {
    closeList(scene)
    write(scene, box, read(box, scene))
    typed(scene, box, 0)
    window.dispatchEvent(new CustomEvent("ulak:look", { detail: null }))
  }
  box.onpaste = event => {
    event.preventDefault()
    const text = event.clipboardData.getData("text/plain").replace(/\s+/g, " ")
    document.execCommand("insertText", false, text)
  }
  row.append(head)
  if (slot.kind === "moment") row.append(drawMoment(scene, slot, box))
  row.append(box, make("div", "else"), make("div", "samples"))
  return row
}

function drawMoment(scene, slot, box) {
  const picker = make("input", "moment")
  picker.type = "datetime-local"
  picker.setAttribute("aria-label", slot.label)
  const begun = scene.memory.values[slot.key].pieces
  if (begun.length === 1 && begun[0].text) picker.value = begun[0].text.slice(0, 16)
  picker.onkeydown = event => event.stopPropagation()
  picker.onchange = () => {
    write(scene, box, picker.value ? [{ text: picker.value, field: "", format: "" }] : [])
    typed(scene, box, 0)
  }
  return picker
}

function drawSamples(scene, row, slot) {
  const place = row.querySelector(".samples")
  place.replaceChildren()
  for (const [tone, text] of slot.notes) place.append(make("div", `note ${tone}`, text))
  if (!slot.samples.length) return
  const line = make("div", "sample")
  slot.samples.forEach(([name, value]) => {
    const one = make("span", value === null ? "one out" : "one")
    one.title = name
    one.append(make("bdi", "", value === null ? scene.words.nothing : value))
    line.append(one)
  })
  place.append(line)
}

function build(scene) {
  const { data, memory, root } = scene
  const rows = root.querySelector(".rows")
  const fold = make("details")
  const needed = data.slots.filter(slot => !slot.optional).map(slot => drawRow(scene, slot))
  const optional = data.slots.filter(slot => slot.optional)
  rows.replaceChildren(...needed)
  if (optional.length) {
    fold.open = optional.some(slot => slot.pieces.length)
    fold.append(make("summary", "", `${data.words.more}: ${optional.map(slot => slot.label).join(", ")}`))
    fold.append(...optional.map(slot => drawRow(scene, slot)))
    rows.append(fold)
  }
}

export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".holes")
  const layout = JSON.stringify([data.slots.map(each => [each.key, each.label, each.prefix, each.hint]), data.fields])
  const memory = kept.get(root) || { count: 0, values: {}, open: null, sent: {} }
  const isNew = memory.layout !== layout
  kept.set(root, memory)
  memory.setTriggerValue = setTriggerValue
  memory.layout = layout
  const fields = new Map(data.fields.map(each => [each.name, each]))
  const scene = { parentElement, root, data, memory, words: data.words, fields, list: root.querySelector(".list") }
  const isAhead = memory.count > data.count || memory.dirty
  memory.count = Math.max(memory.count, data.count)
  const changed = new Set()
  for (const slot of data.slots) {
    const own = memory.values[slot.key]
    const given = own && own.instead ? own.fallback : ""
    if (own && (isAhead || (same(own.pieces, slot.pieces) && given === slot.fallback))) continue
    memory.values[slot.key] = { pieces: slot.pieces, fallback: slot.fallback, instead: Boolean(slot.fallback) }
    changed.add(slot.key)
  }
  if (!isAhead) {
    memory.sent = Object.fromEntries(data.slots.map(slot => [slot.key, { pieces: slot.pieces, fallback: slot.fallback }]))
  }
  if (isNew) build(scene)
  for (const slot of data.slots) {
    const row = [...root.querySelectorAll(".row")].find(each => each.dataset.key === slot.key)
    const box = row.querySelector(".box")
    const value = memory.values[slot.key]
    if (isNew || changed.has(slot.key)) {
      write(scene, box, value.pieces)
      row.querySelector(".else").replaceChildren()
    }
    box.classList.toggle("empty", !value.pieces.length)
    drawElse(scene, row)
    drawSamples(scene, row, slot)
  }
  const go = event => {
    const box = [...root.querySelectorAll(".box")].find(each => each.dataset.key === event.detail)
    if (!box) return
    box.closest("details")?.setAttribute("open", "")
    box.scrollIntoView({ block: "center", behavior: "smooth" })
    box.focus({ preventScroll: true })
  }
  window.removeEventListener("ulak:slot", memory.go)
  window.addEventListener("ulak:slot", go)
  memory.go = go
  return () => window.removeEventListener("ulak:slot", memory.go)
}
