// Unpacks what payload.py packed: base64 of a zlib stream that holds JSON and arrays, these by planes of bytes.

const TYPES = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array };

/** The record of the report; `record.array(name)` is a typed array, or null where there is none. */
export async function unpack(base64) {
  const stream = new Blob([bytesOf(base64.trim())]).stream().pipeThrough(new DecompressionStream("deflate"));
  const buffer = await new Response(stream).arrayBuffer();
  const length = new DataView(buffer).getUint32(0, true);
  const record = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const known = new Map();
  record.array = (name) => {
    const place = record.arrays[name];
    if (!place) return null;
    if (!known.has(name)) known.set(name, arrayAt(buffer, 4 + length, place));
    return known.get(name);
  };
  return record;
}

/** A loop: `Uint8Array.from` with a function takes ten times as long, and `fromBase64` is of 2025. */
function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let k = 0; k < bytes.length; k++) bytes[k] = text.charCodeAt(k);
  return bytes;
}

/** An array from its planes: the first bytes of all items, then the second ones; items may be steps to the next. */
function arrayAt(buffer, start, { dtype, offset, length, steps }) {
  const values = new TYPES[dtype](length);
  const width = values.BYTES_PER_ELEMENT;
  const [from, to] = [new Uint8Array(buffer, start + offset, length * width), new Uint8Array(values.buffer)];
  for (let byte = 0, k = 0; byte < width; byte++)
    for (let place = byte; place < to.length; place += width) to[place] = from[k++];
  if (steps) for (let k = 1; k < length; k++) values[k] += values[k - 1];
  return values;
}
