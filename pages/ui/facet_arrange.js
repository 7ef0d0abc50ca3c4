/* The order of the facets: by dragging, or by the arrows beside each. It is sent at every move. */
function drawArrange(scene) {
  const { memory, data } = scene
  const { words } = data
  const names = memory.order || data.facets.map(each => each.name)
  const facets = names.map(name => data.facets.find(each => each.name === name)).filter(Boolean)
  const box = make("div", "arranging")
  box.append(make("p", "none", words.arranging))
  facets.forEach((facet, place) => {
    const row = make("div", `place ${facet.used ? "" : "zero"}`)
    row.draggable = true
    row.append(make("span", "grip", "⠿"), make("span", "label", facet.label))
    for (const [step, sign, text] of [[-1, "↑", words.up], [1, "↓", words.down]]) {
      const button = push("step", sign, ["step", facet.name, step], () => move(scene, facet.name, place + step))
      button.disabled = place + step < 0 || place + step >= facets.length
      button.setAttribute("aria-label", say(text, { field: facet.label }))
      row.append(button)
    }
    row.ondragstart = event => {
      memory.dragged = facet.name
      event.dataTransfer.effectAllowed = "move"
      event.dataTransfer.setData("text/plain", facet.label)
    }
    row.ondragover = event => {
      if (!memory.dragged) return
      event.preventDefault()
      row.classList.add("over")
    }
    row.ondragleave = () => row.classList.remove("over")
    row.ondragend = () => { memory.dragged = null }
    row.ondrop = event => {
      event.preventDefault()
      if (memory.dragged) move(scene, memory.dragged, place)
      memory.dragged = null
    }
    box.append(row)
  })
  const foot = make("div", "quick")
  foot.append(
    push("add", words.done, ["done"], () => { memory.arranging = false; draw(scene) }),
    push("more", words.reset, ["reset"], () => { memory.order = null; draw(scene); scene.setTriggerValue("arranged", []) }),
  )
  box.append(foot)
  return box
}

function move(scene, name, to) {
  const { memory, data } = scene
  const names = (memory.order || data.facets.map(each => each.name)).filter(each => each !== name)
  names.splice(to, 0, name)
  memory.order = names
  draw(scene)
  scene.setTriggerValue("arranged", names)
}
