const WAIT = 250
const memories = new WeakMap()

export default function ({ parentElement, data, setStateValue }) {
  const box = parentElement.querySelector("textarea")
  const count = parentElement.querySelector(".count")
  const memory = memories.get(box) ?? { version: -1, timer: 0, sent: null }
  memories.set(box, memory)
  const draw = () => {
    const length = [...box.value].length
    count.textContent = data.count.replace("{count}", length).replace("{limit}", data.limit)
    count.classList.toggle("over", length > data.limit)
  }
  const send = () => {
    clearTimeout(memory.timer)
    if (box.value === memory.sent) return
    memory.sent = box.value
    setStateValue("text", { value: box.value, version: memory.version })
  }
  if (data.version > memory.version) {
    clearTimeout(memory.timer)
    memory.version = data.version
    memory.sent = box.value = data.value
  }
  parentElement.querySelector("label").textContent = data.label
  box.rows = data.lines
  box.placeholder = data.hint
  box.oninput = () => {
    draw()
    clearTimeout(memory.timer)
    memory.timer = setTimeout(send, WAIT)
  }
  box.onblur = send
  box.onkeydown = event => event.stopPropagation()
  draw()
}
