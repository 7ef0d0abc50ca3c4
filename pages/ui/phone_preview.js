const shown = new WeakMap()
const MARKS = { "*": "strong", "_": "em", "~": "s" }
const ICONS = {
  URL: "M14 4h6v6 M20 4l-9 9 M18 14v6H4V6h6",
  PHONE_NUMBER: "M6 3h4l2 5-2.5 1.8a12 12 0 0 0 4.7 4.7L16 12l5 2v4a3 3 0 0 1-3 3A15 15 0 0 1 3 6a3 3 0 0 1 3-3z",
  QUICK_REPLY: "M10 8V4L3 11l7 7v-4c5 0 8 1.5 11 6-1-7-5-12-11-12z",
}

const make = (tag, name, text) => {
  const node = document.createElement(tag)
  if (name) node.className = name
  if (text !== undefined) node.textContent = text
  return node
}

const isWord = sign => sign !== undefined && /[\p{L}\p{N}]/u.test(sign)

function closing(text, open, mark) {
  for (let end = open + 2; end < text.length; end += 1) {
    if (text[end] === "\n") return -1
    if (text[end] === mark && !/\s/.test(text[end - 1]) && !isWord(text[end + 1])) return end
  }
  return -1
}

function write(parent, text) {
  let plain = ""
  const flush = () => { if (plain) parent.append(plain); plain = "" }
  for (let place = 0; place < text.length; place += 1) {
    const sign = text[place]
    const rest = text.slice(place)
    const mono = /^```([^]+?)```/.exec(rest) || /^`([^`\n]+)`/.exec(rest)
    const hole = /^\{\{\s*\w+\s*\}\}/.exec(rest)
    const link = isWord(text[place - 1]) ? null : /^https?:\/\/[^\s<>"]+[^\s<>".,;:!?)]/.exec(rest)
    const end = MARKS[sign] && !isWord(text[place - 1]) && !/\s/.test(text[place + 1] || " ") ? closing(text, place, sign) : -1
    const special = mono || hole || link
    if (special) {
      flush()
      parent.append(make(mono ? "code" : "span", mono ? "" : hole ? "hole" : "link", mono ? mono[1] : special[0]))
      place += special[0].length - 1
    } else if (end > 0) {
      flush()
      const inner = make(MARKS[sign])
      write(inner, text.slice(place + 1, end))
      parent.append(inner)
      place = end
    } else {
      plain += sign
    }
  }
  flush()
}

function icon(kind) {
  const space = "http://www.w3.org/2000/svg"
  const drawing = document.createElementNS(space, "svg")
  const line = document.createElementNS(space, "path")
  drawing.setAttribute("viewBox", "0 0 24 24")
  drawing.setAttribute("aria-hidden", "true")
  line.setAttribute("d", ICONS[kind] || ICONS.QUICK_REPLY)
  drawing.append(line)
  return drawing
}

function picture(message, words) {
  if (message.picture) {
    const image = make("img", "picture")
    image.src = message.picture
    image.alt = words.image
    return image
  }
  const frame = make("div", "picture none", message.link || words.none)
  frame.setAttribute("role", "img")
  frame.setAttribute("aria-label", message.link ? words.image : words.none)
  return frame
}

function draw(phone, { message, words }) {
  const bubble = make("div", "bubble")
  if (message.hasImage) bubble.append(picture(message, words))
  const text = make("div", "text")
  if (message.header) {
    const head = make("div", "header")
    write(head, message.header)
    text.append(head)
  }
  const body = make("div", "body")
  write(body, message.body)
  text.append(body)
  if (message.footer) text.append(make("div", "footer", message.footer))
  const clock = make("div", "clock")
  clock.append(make("bdi", "", message.clock))
  text.append(clock)
  bubble.append(text)
  for (const button of message.buttons.slice(0, message.buttons.length > 3 ? 2 : 3)) {
    const row = make("div", "button")
    row.title = button.url || ""
    row.append(icon(button.kind), make("span", "", button.text))
    bubble.append(row)
  }
  if (message.buttons.length > 3) {
    const row = make("div", "button")
    row.append(make("span", "", words.all))
    bubble.append(row)
  }
  phone.setAttribute("aria-label", words.phone)
  phone.querySelector(".screen").replaceChildren(bubble)
  phone.dir = message.isRightToLeft ? "rtl" : "ltr"
}

export default function ({ data, parentElement }) {
  const phone = parentElement.querySelector(".phone")
  const now = JSON.stringify(data)
  if (shown.get(phone) === now) return
  shown.set(phone, now)
  draw(phone, data)
}
