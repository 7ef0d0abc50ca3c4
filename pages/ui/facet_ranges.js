function drawRanges(scene, facet) {
  const { memory } = scene
  const parts = []
  if (facet.bars.length) parts.push(drawBars(scene, facet))
  const chosen = facet.bars.filter(each => sideOf(memory, facet.name, each[0]))
  const rows = [...chosen, ...facet.rows, ...unanswered(memory, facet, facet.rows)]
  if (rows.length) parts.push(drawRows(scene, facet, rows, rows.length > 12))
  if (facet.quick.length) parts.push(drawQuick(scene, facet))
  parts.push(drawFromTo(scene, facet))
  return parts
}

/* A histogram: each bar is a tick box over the whole height, so that a small one can be hit too. */
function drawBars(scene, facet) {
  const { memory } = scene
  const most = Math.max(...facet.bars.map(each => each[2]), 1)
  const box = make("div", "histogram")
  const bars = make("div", "bars")
  const told = make("div", "ends")
  const ends = () => told.replaceChildren(...facet.ends.map(each => make("span", "", each)))
  bars.setAttribute("role", "group")
  bars.setAttribute("aria-label", facet.label)
  bars.classList.toggle("some", facet.bars.some(each => sideOf(memory, facet.name, each[0]) === "included"))
  const stop = memory.stops[facet.name] || 0
  facet.bars.forEach(([value, label, count], place) => {
    const bar = push("bin", "", ["bin", facet.name, value], () => click(scene, facet.name, value))
    const figure = scene.number.format(count)
    tristate(scene, bar, facet, value, label, figure)
    bar.tabIndex = place === Math.min(stop, facet.bars.length - 1) ? 0 : -1
    const fill = make("i")
    fill.style.height = count ? `${Math.max(4, (100 * count) / most)}%` : "0"
    bar.append(fill)
    const tell = () => told.replaceChildren(make("span", "", label), make("span", "count", figure))
    bar.onmouseenter = tell
    bar.onmouseleave = ends
    bar.onfocus = () => {
      memory.stops[facet.name] = place
      for (const each of bars.children) each.tabIndex = each === bar ? 0 : -1
      tell()
    }
    bar.onblur = ends
    bars.append(bar)
  })
  bars.onkeydown = event => {
    const all = [...bars.children]
    const at = all.indexOf(scene.parentElement.activeElement)
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: all.length - 1 }[event.key]
    if (to === undefined || !all[to]) return
    all[to].focus()
    event.preventDefault()
  }
  ends()
  box.append(bars, told)
  return box
}

/* Ranges relative to today; they stay relative when the segment is saved. */
function drawQuick(scene, facet) {
  const { words } = scene.data
  const box = make("div", "quick")
  let kind = ""
  for (const [value, days, label] of facet.quick) {
    if (value.split(":")[0] !== kind) {
      kind = value.split(":")[0]
      box.append(make("span", "lead", words[kind]))
    }
    const pill = push("pill", "", ["pill", facet.name, value], () => click(scene, facet.name, value))
    const side = tristate(scene, pill, facet, value, label, "")
    pill.append(make("span", "", signOf(side)), make("span", "label", say(words.days, { count: days })))
    box.append(pill)
  }
  return box
}

function drawFromTo(scene, facet) {
  const { words } = scene.data
  const type = facet.kind === "days" ? "date" : "number"
  const form = make("form", `fromto ${facet.kind}`)
  const low = field(scene, ["low", facet.name], type, words.from)
  const high = field(scene, ["high", facet.name], type, words.to)
  for (const each of [low, high]) {
    each.title = `${facet.label}: ${each.placeholder}`
    if (type === "number") each.step = "any"
    else Object.assign(each, { min: "1900-01-01", max: "2200-12-31" })
  }
  const add = make("button", "add", words.add)
  add.type = "submit"
  add.dataset.key = JSON.stringify(["add", facet.name])
  form.append(low, high, add)
  form.noValidate = true
  form.onsubmit = event => {
    event.preventDefault()
    const ends = [low.value, high.value]
    const isTurned = ends[0] && ends[1] && (type === "number" ? Number(ends[0]) > Number(ends[1]) : ends[0] > ends[1])
    const [first, last] = isTurned ? ends.reverse() : ends
    if (!first && !last) return
    const value = type === "number" && !last ? `${first}..` : first && first === last ? first : `${first}..=${last}`
    low.value = high.value = ""
    const old = choiceOf(scene.memory, facet.name)
    choose(scene, facet.name, [...old.include.filter(each => each !== value), value],
      old.exclude.filter(each => each !== value))
  }
  return form
}
