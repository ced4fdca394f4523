// Runs the page of one library: node page.mjs ioredis | node-redis. Each item runs on a
// plain connection over RESP2 and over RESP3, and over TLS as a user who may not do
// everything. Exit status 1 when an item failed. The environment names the ports.
import { readFileSync } from 'node:fs'

const limitMs = 30_000 // of an item

const library = await import(`./${process.argv[2]}.mjs`)
const { REDISD_PORT, REDISD_TLS_PORT, REDISD_CA } = process.env
const ways = [
  { name: 'RESP2', protocol: 2, port: Number(REDISD_PORT) },
  { name: 'RESP3', protocol: 3, port: Number(REDISD_PORT) },
  {
    name: 'a user over TLS', protocol: 3, port: Number(REDISD_TLS_PORT), username: 'worker', password: 'secret',
    tls: { ca: readFileSync(REDISD_CA), servername: 'localhost' },
  },
]

const timeout = (what) => new Promise((_, reject) => {
  setTimeout(() => reject(new Error(`${what} takes too long`)), limitMs).unref()
})

let failed = 0
console.log(`${process.argv[2]} ${library.version}`)
for (const way of ways) {
  for (const [name, run] of Object.entries(library.items)) {
    const what = `${way.name}: ${name}`
    const opened = []
    const connect = async (more = {}) => {
      const client = await library.connect({ ...way, ...more })
      opened.push(client)
      return client
    }
    try {
      await Promise.race([connect().then((client) => run(client, connect, way)), timeout(what)])
      console.log(`ok   ${what}`)
    } catch (err) {
      failed++
      console.log(`FAIL ${what}\n${err.stack}`)
    }
    for (const client of opened) library.close(client)
  }
}
console.log(failed === 0 ? 'all passed' : `${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
