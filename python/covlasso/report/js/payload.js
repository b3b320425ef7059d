// Unpacks what payload.py packed: base64 of a zlib stream that holds JSON and typed arrays.

const TYPES = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array };

/** The record of the report; `record.array(name)` is a typed array, or null where there is none. */
export async function unpack(base64) {
  const packed = Uint8Array.from(atob(base64.trim()), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const buffer = await new Response(stream).arrayBuffer();
  const length = new DataView(buffer).getUint32(0, true);
  const record = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  record.array = (name) => {
    const place = record.arrays[name];
    return place ? new TYPES[place.dtype](buffer, 4 + length + place.offset, place.length) : null;
  };
  return record;
}
