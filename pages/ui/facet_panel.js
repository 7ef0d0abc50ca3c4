function drawHead(scene, facet, isOpen) {
  const { memory, data } = scene
  const choice = choiceOf(memory, facet.name)
  const head = make("h3")
  const button = push("fold", "", ["fold", facet.name], () => {
    isOpen ? memory.opened.delete(facet.name) : memory.opened.add(facet.name)
    draw(scene)
    scene.setTriggerValue("opened", [...memory.opened])
  })
  button.setAttribute("aria-expanded", String(isOpen))
  const arrow = make("span", "arrow", "›")
  arrow.setAttribute("aria-hidden", "true")
  button.append(arrow, make("span", "title", facet.label))
  const [included, excluded] = [choice.include.length, choice.exclude.length]
  if (included) button.append(make("span", "sign yes", `✓ ${scene.number.format(included)}`))
  if (excluded) button.append(make("span", "sign no", `– ${scene.number.format(excluded)}`))
  if (isOpen && facet.kind === "values" && facet.size > FEW && !included && !excluded) {
    button.append(make("span", "note", say(data.words.values, { count: scene.number.format(facet.size) })))
  }
  head.append(button)
  if (included || excluded) {
    const clear = push("clear", "×", ["clear", facet.name], () => choose(scene, facet.name, [], []))
    clear.title = say(data.words.clear, { field: facet.label })
    clear.setAttribute("aria-label", clear.title)
    head.append(clear)
  }
  return head
}

function drawFacet(scene, facet, needle) {
  const { memory } = scene
  const isOpen = memory.opened.has(facet.name)
  if (needle && !fold(facet.label).includes(needle)) {
    const found = isOpen && facet.rows && facet.rows.some(each => fold(each[1]).includes(needle))
    const isCut = isOpen && facet.rows && facet.kind === "values" && facet.size > facet.rows.length
    if (!found && !isCut) return null
  }
  const section = make("section", isOpen ? "open" : "")
  section.append(drawHead(scene, facet, isOpen))
  if (!isOpen) return section
  if (facet.rows === null) section.append(make("p", "none", "…"))
  else section.append(...(facet.kind === "values" ? drawValues(scene, facet, needle) : drawRanges(scene, facet)))
  return section
}

function drawFacets(scene) {
  const { memory, data } = scene
  const needle = fold(memory.find.trim())
  const sections = facets => facets.map(facet => drawFacet(scene, facet, needle)).filter(Boolean)
  if (needle) {
    const found = sections(data.facets)
    return found.length ? found : [make("p", "none", data.words.nothing)]
  }
  const drawn = sections(data.facets.filter(each => each.used))
  const unused = data.facets.filter(each => !each.used)
  if (unused.length) {
    const more = push("more unused", say(data.words.more, { count: scene.number.format(unused.length) }), ["unused"], () => {
      memory.more = !memory.more
      draw(scene)
    })
    more.setAttribute("aria-expanded", String(memory.more))
    more.title = data.words.unused
    drawn.push(more)
    if (memory.more) drawn.push(...sections(unused))
  }
  return drawn
}

function draw(scene) {
  const { root, memory, parentElement } = scene
  const focused = parentElement.activeElement?.dataset?.key
  const active = parentElement.activeElement
  const caret = active?.tagName === "INPUT" && active.type === "search" ? [active.selectionStart, active.selectionEnd] : null
  const scrolled = new Map([...root.querySelectorAll(".long")].map(each => [each.dataset.scroll, each.scrollTop]))
  const list = root.querySelector(".facets")
  root.querySelector(".find").hidden = memory.arranging
  root.querySelector(".arrange").setAttribute("aria-pressed", String(memory.arranging))
  list.replaceChildren(...(memory.arranging ? [drawArrange(scene)] : drawFacets(scene)))
  for (const each of root.querySelectorAll(".long")) each.scrollTop = scrolled.get(each.dataset.scroll) || 0
  if (!focused) return
  const again = [...root.querySelectorAll("[data-key]")].find(each => each.dataset.key === focused)
  again?.focus({ preventScroll: true })
  if (again && caret) again.setSelectionRange(...caret)
}

export default function (component) {
  const { parentElement, data, setTriggerValue } = component
  const root = parentElement.querySelector(".panel")
  const memory = kept.get(parentElement) || {
    click: data.click, choices: data.choices, find: "", whole: new Set(), sought: {}, timers: {}, fields: new Map(),
    stops: {}, more: false, arranging: false, order: null,
  }
  kept.set(parentElement, memory)
  memory.send = setTriggerValue
  if (data.click >= memory.click) {
    memory.click = data.click
    memory.choices = data.choices
  }
  memory.opened = new Set(data.facets.filter(each => each.rows !== null).map(each => each.name))
  const scene = { root, memory, data, parentElement, setTriggerValue, number: new Intl.NumberFormat(data.language) }
  const find = root.querySelector(".find")
  find.placeholder = data.words.find
  find.setAttribute("aria-label", data.words.find)
  find.oninput = () => {
    memory.find = find.value
    draw(scene)
  }
  const arrange = root.querySelector(".arrange")
  arrange.title = data.words.arrange
  arrange.setAttribute("aria-label", data.words.arrange)
  arrange.onclick = () => {
    memory.arranging = !memory.arranging
    memory.order = null
    draw(scene)
  }
  root.onkeydown = event => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    const active = parentElement.activeElement
    if (!step || (active?.tagName === "INPUT" && active.type !== "search")) return
    const stops = [...root.querySelectorAll(".find, .fold, .row, .more, .within, .pill, .bin[tabindex='0']")]
    const next = stops[stops.indexOf(active) + step]
    if (next) {
      next.focus()
      event.preventDefault()
    }
  }
  draw(scene)
}
