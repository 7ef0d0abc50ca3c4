const shown = new WeakMap()
const lookers = new WeakMap()
const STYLES = { b: "strong", i: "em", s: "s", m: "code" }
const LINES = {
  URL: "M14 4h6v6 M20 4l-9 9 M18 14v6H4V6h6",
  PHONE_NUMBER: "M6 3h4l2 5-2.5 1.8a12 12 0 0 0 4.7 4.7L16 12l5 2v4a3 3 0 0 1-3 3A15 15 0 0 1 3 6a3 3 0 0 1 3-3z",
  QUICK_REPLY: "M10 8V4L3 11l7 7v-4c5 0 8 1.5 11 6-1-7-5-12-11-12z",
  COPY_CODE: "M9 9h11v11H9z M5 15H4V4h11v1",
  FLOW: "M5 4h14v16H5z M8 9h8 M8 13h8 M8 17h4",
  LIST: "M4 7h2 M9 7h11 M4 12h2 M9 12h11 M4 17h2 M9 17h11",
  OFFER: "M20 12l-8 8-8-8V4h8z M8 8h.01",
  VIDEO: "M8 5l11 7-11 7z",
  PIN: "M12 21c-4-5-7-8-7-11.5a7 7 0 0 1 14 0C19 13 16 16 12 21z M12 12a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
  IMAGE: "M4 5h16v14H4z M4 16l5-5 4 4 3-3 4 4 M15.5 9h.01",
}
LINES.OTP = LINES.COPY_CODE

const make = (tag, name, text) => {
  const node = document.createElement(tag)
  if (name) node.className = name
  if (text !== undefined) node.textContent = text
  return node
}

function icon(kind) {
  const space = "http://www.w3.org/2000/svg"
  const drawing = document.createElementNS(space, "svg")
  const line = document.createElementNS(space, "path")
  drawing.setAttribute("viewBox", "0 0 24 24")
  drawing.setAttribute("aria-hidden", "true")
  line.setAttribute("d", LINES[kind] || LINES.QUICK_REPLY)
  drawing.append(line)
  return drawing
}

function write(scene, name, runs) {
  const block = make("div", name)
  for (const [text, styles, hole] of runs) {
    let node = document.createTextNode(text)
    for (const style of styles) {
      const outer = make(STYLES[style] || "span", style === "l" ? "link" : "")
      outer.append(node)
      node = outer
    }
    const key = scene.holes[hole]
    const bare = /^\s*\{\{\s*\w+\s*\}\}\s*$/.test(text)
    if (key || bare) {
      const outer = make("span", bare ? "hole bare" : "hole")
      outer.append(node)
      if (key) {
        outer.dataset.slot = key
        outer.title = scene.words.hole
        outer.onclick = () => window.dispatchEvent(new CustomEvent("ulak:slot", { detail: key }))
      }
      node = outer
    }
    block.append(node)
  }
  return block
}

function drawHead(scene, head) {
  if (head.kind === "text") return write(scene, "header", head.runs)
  if (head.kind === "location") {
    const place = make("div", "place")
    const map = make("div", "map")
    map.append(icon("PIN"), make("span", "coordinates", head.note))
    place.append(map)
    if (head.name) place.append(make("div", "name", head.name))
    if (head.address) place.append(make("div", "address", head.address))
    return place
  }
  if (head.kind === "document") {
    const file = make("div", "document")
    const words = make("div", "file")
    words.append(make("div", "name", head.name || head.note))
    if (head.name && head.note !== head.name) words.append(make("div", "address", head.note))
    file.append(make("span", "type", head.type || "PDF"), words)
    return file
  }
  if (head.picture) {
    const image = make("img", "picture")
    image.src = head.picture
    image.alt = head.label
    return image
  }
  const frame = make("div", "picture none")
  frame.setAttribute("role", "img")
  frame.setAttribute("aria-label", `${head.label}: ${head.note}`)
  const sign = make("span", head.kind === "video" ? "play" : "sign")
  sign.append(icon(head.kind === "video" ? "VIDEO" : "IMAGE"))
  frame.append(sign, make("span", "", head.note))
  return frame
}

function drawButton(button) {
  const row = make("div", "button")
  row.title = button.title
  row.append(icon(button.kind), make("span", "", button.text))
  return row
}

function drawButtons(scene, bubble, buttons) {
  const cut = buttons.length > 3
  for (const button of buttons.slice(0, cut ? 2 : 3)) bubble.append(drawButton(button))
  if (!cut) return
  const all = make("button", "button")
  const rest = make("div", "rest")
  const label = make("span", "", scene.words.all)
  all.type = "button"
  rest.hidden = true
  for (const button of buttons.slice(2)) rest.append(drawButton(button))
  all.setAttribute("aria-expanded", "false")
  all.append(icon("LIST"), label)
  all.onclick = () => {
    rest.hidden = !rest.hidden
    label.textContent = rest.hidden ? scene.words.all : scene.words.fewer
    all.setAttribute("aria-expanded", String(!rest.hidden))
  }
  bubble.append(all, rest)
}

function drawOffer(offer) {
  const box = make("div", "offer")
  const words = make("div", "file")
  words.append(make("div", "name", offer.title))
  for (const line of [offer.ends, offer.code]) if (line) words.append(make("div", "address", line))
  box.append(icon("OFFER"), words)
  return box
}

function drawBubble(scene, message) {
  const bubble = make("div", "bubble")
  const head = message.head && drawHead(scene, message.head)
  if (head && message.head.kind !== "text") bubble.append(head)
  if (message.offer) bubble.append(drawOffer(message.offer))
  const text = make("div", "text")
  if (head && message.head.kind === "text") text.append(head)
  text.append(write(scene, "body", message.body))
  if (message.footer) text.append(make("div", "footer", message.footer))
  const clock = make("div", "clock")
  clock.append(make("bdi", "", message.clock || ""))
  if (message.clock) text.append(clock)
  bubble.append(text)
  drawButtons(scene, bubble, message.buttons)
  return bubble
}

function draw(phone, scene, message) {
  const screen = phone.querySelector(".screen")
  const scrolled = phone.querySelector(".cards")?.scrollLeft || 0
  const parts = [drawBubble(scene, message)]
  if (message.cards.length) {
    const cards = make("div", "cards")
    cards.tabIndex = 0
    cards.setAttribute("role", "group")
    cards.setAttribute("aria-label", scene.words.cards)
    cards.onkeydown = event => { if (event.key.startsWith("Arrow")) event.stopPropagation() }
    for (const card of message.cards) cards.append(drawBubble(scene, card))
    parts.push(cards)
  }
  phone.setAttribute("aria-label", scene.words.phone)
  phone.dir = message.isRightToLeft ? "rtl" : "ltr"
  screen.replaceChildren(...parts)
  const cards = phone.querySelector(".cards")
  if (cards) cards.scrollLeft = scrolled
}

export default function ({ data, parentElement }) {
  const phone = parentElement.querySelector(".phone")
  const now = JSON.stringify(data)
  const look = event => {
    for (const hole of phone.querySelectorAll(".hole")) {
      hole.classList.toggle("looked", hole.dataset.slot === event.detail)
    }
  }
  window.removeEventListener("ulak:look", lookers.get(phone))
  window.addEventListener("ulak:look", look)
  lookers.set(phone, look)
  if (shown.get(phone) !== now) {
    shown.set(phone, now)
    draw(phone, data, data.message)
  }
  return () => window.removeEventListener("ulak:look", look)
}
