// What the three scripts share. It knows nothing of any generator: a page of any list fits `Paged`, as the document's `Page` says.

export const server = process.argv[2] ?? 'http://127.0.0.1:8080'
export const credentials = { username: 'admin', password: 'demo-password' }

export function check(holds: unknown, about: string): asserts holds {
  if (!holds) throw new Error(`not so: ${about}`)
}

interface Paged<Row> { data: Row[]; page: { next: string | null; total?: number } }

/** All rows of a list, page by page. */
export async function all<Row>(read: (cursor?: string) => Promise<Paged<Row>>): Promise<Row[]> {
  const rows: Row[] = []
  for (let cursor: string | null | undefined; cursor !== null;) {
    const { data, page } = await read(cursor)
    rows.push(...data)
    cursor = page.next
  }
  return rows
}

/** A session that no other one meets. */
export const someTime = () => new Date(Date.now() + (400 + Math.random() * 3000) * 86400e3).toISOString()

/** Waits until a stream of events tells that a row was changed. */
export async function untilTold(stream: ReadableStream<Uint8Array>, event: string, id: string): Promise<void> {
  const reader = stream.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader()
  const late = setTimeout(() => void reader.cancel(), 20_000)
  for (let text = ''; ;) {
    const { done, value } = await reader.read()
    check(!done, `the stream tells ${event} of ${id}`)
    text += value
    if (text.split('\n\n').some(block => block.includes(`event: ${event}\n`) && block.includes(id))) break
  }
  clearTimeout(late)
  await reader.cancel()
}
