const kept = new WeakMap()

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
  const included = sideOf(memory, field, value) === "included"
  const old = memory.choices[field] || { include: [], exclude: [] }
  const include = old.include.filter(each => each !== value)
  const exclude = old.exclude.filter(each => each !== value)
  if (!included) include.push(value)
  memory.choices = { ...memory.choices, [field]: { include, exclude } }
  memory.touched.add(field)
  memory.click += 1
}

function drawBar(scene, chart, [value, label, count, words], most, kind) {
  const { memory, data } = scene
  const side = sideOf(memory, chart.name, value)
  const bar = make("button", `${kind} ${side}`)
  bar.type = "button"
  bar.dataset.key = JSON.stringify([chart.slot, value])
  bar.title = `${words}\n${data.words.hint}`
  bar.setAttribute("aria-pressed", String(side === "included"))
  bar.setAttribute("aria-label", `${chart.title}: ${words}${side ? `, ${data.words[side]}` : ""}`)
  const share = most ? (100 * count) / most : 0
  const line = make("i")
  if (kind === "column") {
    line.style.height = count ? `max(2px, ${share}%)` : "0"
    bar.append(line)
  } else {
    line.style.width = count ? `max(2px, ${share}%)` : "0"
    const track = make("span", "track")
    track.append(line)
    bar.append(make("span", "label", label), make("span", "count", scene.number.format(count)), track)
  }
  bar.onclick = () => {
    clicked(memory, chart.name, value)
    draw(scene)
    const choices = Object.fromEntries([...memory.touched].map(name => [name, memory.choices[name]]))
    scene.setTriggerValue("chosen", { click: memory.click, choices })
  }
  return bar
}

function drawTitle(scene, chart) {
  if (chart.slot < 0) {
    const title = make("h3", "", chart.title)
    title.title = chart.title
    return title
  }
  const { data } = scene
  const select = make("select", "title")
  select.dataset.key = JSON.stringify(["field", chart.slot])
  select.setAttribute("aria-label", `${data.words.choose}: ${chart.title}`)
  for (const [name, label] of data.fields) {
    const option = make("option", "", label)
    option.value = name
    option.selected = name === chart.name
    select.append(option)
  }
  select.onchange = () => scene.setTriggerValue("field", { slot: chart.slot, name: select.value })
  const frame = make("div", "choose")
  frame.append(select)
  return frame
}

function drawColumns(scene, chart, figure) {
  const most = Math.max(...chart.columns.map(each => each[2]), 0)
  const plot = make("div", "plot")
  const said = make("p", "said", scene.number.format(most))
  const say = text => {
    said.textContent = text ?? scene.number.format(most)
    said.classList.toggle("spoken", text !== undefined)
  }
  const columns = make("div", "columns")
  columns.setAttribute("role", "group")
  columns.setAttribute("aria-label", chart.title)
  for (const each of chart.columns) {
    const column = drawBar(scene, chart, each, most, "column")
    column.onmouseenter = column.onfocus = () => say(each[3])
    column.onmouseleave = column.onblur = () => say()
    columns.append(column)
  }
  const ends = make("p", "ends")
  ends.append(make("span", "", chart.ends[0]), make("span", "", chart.ends[1]))
  plot.append(said, columns, ends)
  figure.append(plot)
}

function drawChart(scene, chart) {
  const figure = make("section")
  const someIncluded = (scene.memory.choices[chart.name]?.include || []).length > 0
  figure.className = someIncluded ? "narrowed" : ""
  figure.append(drawTitle(scene, chart))
  if (chart.columns.length) drawColumns(scene, chart, figure)
  const most = Math.max(...chart.bars.map(each => each[2]), ...chart.columns.map(each => each[2]), 0)
  const rows = make("div", "rows")
  rows.setAttribute("role", "group")
  rows.setAttribute("aria-label", chart.title)
  for (const each of chart.bars) rows.append(drawBar(scene, chart, each, most, "row"))
  figure.append(rows)
  if (chart.note) figure.append(make("p", "note", chart.note))
  if (!chart.bars.length && !chart.columns.length) figure.append(make("p", "note", scene.data.words.nothing))
  return figure
}

function draw(scene) {
  const { root, data, parentElement } = scene
  const focused = parentElement.activeElement?.dataset?.key
  root.replaceChildren(...data.charts.map(chart => drawChart(scene, chart)))
  if (focused) [...root.querySelectorAll("button, select")].find(each => each.dataset.key === focused)?.focus()
}

export default function (component) {
  const { parentElement, data, setTriggerValue } = component
  const root = parentElement.querySelector(".charts")
  const memory = kept.get(parentElement) || { click: data.click, choices: data.choices, touched: new Set() }
  kept.set(parentElement, memory)
  if (data.click >= memory.click) {
    memory.click = data.click
    memory.choices = data.choices
    memory.touched.clear()
  }
  draw({ root, memory, data, parentElement, setTriggerValue, number: new Intl.NumberFormat(data.language) })
}
