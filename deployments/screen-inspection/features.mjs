// What features.py measures on a picture, in JavaScript: the same sums of whole numbers with one division at the end, so
// that every value has the same bits (tests/end_to_end/test_screen_inspection.py compares both on all pictures).
//
//     import {grey, measures} from "./features.mjs";
//     const row = measures(await grey(new Uint8Array(await file.arrayBuffer())));   // the numbers that a bundle asks for

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10], SIDES = [16, 256], GLARE = 248, EDGE = 40, LINE = 7;
const DIRECTIONS = [[0, 1], [1, 0], [1, 1], [1, -1]];

const crc32 = bytes => {
  let sum = ~0;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = sum >>> 1 ^ (sum & 1 ? 0xEDB88320 : 0);
  }
  return ~sum >>> 0;
};

const unpacked = async (bytes, most) => {
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
  const found = new Uint8Array(most);
  let at = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    if (at + part.value.length > most) throw new Error("the PNG picture has another number of pixels than it says");
    found.set(part.value, at);
    at += part.value.length;
  }
  if (at !== most) throw new Error("the PNG picture has another number of pixels than it says");
  return found;
};

// Return the grey levels of a PNG picture: {width, height, pixels}, line by line.
export const grey = async content => {
  if (SIGNATURE.some((byte, at) => content[at] !== byte)) throw new Error("no PNG picture");
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  let header = null;
  const packed = [];
  for (let at = SIGNATURE.length; at + 12 <= content.length;) {
    const size = view.getUint32(at), end = at + 8 + size;
    if (end + 4 > content.length || crc32(content.subarray(at + 4, end)) !== view.getUint32(end)) {
      throw new Error("a part of the PNG picture is damaged");
    }
    const kind = String.fromCharCode(...content.subarray(at + 4, at + 8));
    if (kind === "IHDR") header = {size, width: view.getUint32(at + 8), height: view.getUint32(at + 12),
      form: content.subarray(at + 16, end).join()};
    if (kind === "IDAT") packed.push(content.subarray(at + 8, end));
    at = end + 4;
  }
  const {width, height, size, form} = header ?? {};
  const fits = side => side >= SIDES[0] && side <= SIDES[1];
  if (size !== 13 || form !== "8,0,0,0,0" || !fits(width) || !fits(height)) {
    throw new Error("expected a PNG picture of 8-bit grey levels, of 16 to 256 pixels a side");
  }
  const lines = await unpacked(await new Blob(packed).arrayBuffer(), height * (width + 1));
  return {width, height, pixels: unfiltered(lines, width, height)};
};

const unfiltered = (lines, width, height) => {
  const pixels = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const kind = lines[y * (width + 1)];
    if (kind > 4) throw new Error(`the PNG picture has a line with the unknown filter ${kind}`);
    for (let x = 0; x < width; x++) {
      const left = x ? pixels[y * width + x - 1] : 0, up = y ? pixels[(y - 1) * width + x] : 0;
      const corner = x && y ? pixels[(y - 1) * width + x - 1] : 0;
      const added = [0, left, up, left + up >> 1, nearest(left, up, corner)][kind];
      pixels[y * width + x] = lines[y * (width + 1) + 1 + x] + added & 255;
    }
  }
  return pixels;
};

const nearest = (left, up, corner) => {
  const [a, b, c] = [left, up, corner].map(one => Math.abs(left + up - corner - one));
  return a <= b && a <= c ? left : b <= c ? up : corner;
};

// Return what is measured on grey levels, by name; see measures in features.py.
export const measures = ({width, height, pixels}) => {
  const at = (y, x) => pixels[y * width + x], count = width * height;
  const apart = [], inner = [height - 2, width - 2];
  let total = 0, white = 0, laplacian = 0, edges = 0;
  for (const level of pixels) {
    total += level;
    white += level >= GLARE;
  }
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const across = at(y - 1, x) + at(y + 1, x) + at(y, x - 1) + at(y, x + 1), difference = Math.abs(4 * at(y, x) - across);
      const diagonal = at(y - 1, x - 1) + at(y - 1, x + 1) + at(y + 1, x - 1) + at(y + 1, x + 1);
      laplacian += difference;
      edges += difference >= EDGE;
      apart.push(8 * at(y, x) - across - diagonal);
    }
  }
  const lines = DIRECTIONS.flatMap(direction => along(apart, ...inner, ...direction)), size = inner[0] * inner[1];
  const quarters = {};
  const [middleY, middleX] = [Math.ceil(height / 2), Math.ceil(width / 2)];
  [[0, 0], [0, 1], [1, 0], [1, 1]].forEach(([down, right], number) => {
    const [top, bottom] = down ? [middleY, height] : [0, middleY], [first, last] = right ? [middleX, width] : [0, middleX];
    let sum = 0;
    for (let y = top; y < bottom; y++) for (let x = first; x < last; x++) sum += at(y, x);
    const part = (bottom - top) * (last - first);
    quarters[`corner_${number + 1}`] = (sum * count - total * part) / (count * part);
  });
  const most = values => values.reduce((one, other) => Math.max(one, other), -Infinity);
  return {brightness: total / count, glare: white / count, sharpness: laplacian / size, edges: edges / size,
    dark_spot: most(apart.map(value => 0 - value)) / 8, bright_spot: most(apart) / 8,
    dark_line: most(lines.map(value => 0 - value)) / (8 * LINE), bright_line: most(lines) / (8 * LINE), ...quarters};
};

const along = (values, height, width, down, right) => {
  const sums = [];
  for (let y = 0; y + down * (LINE - 1) < height; y++) {
    for (let x = right < 0 ? LINE - 1 : 0; x < width - (right > 0 ? LINE - 1 : 0); x++) {
      let sum = 0;
      for (let step = 0; step < LINE; step++) sum += values[(y + down * step) * width + x + right * step];
      sums.push(sum);
    }
  }
  return sums;
};
