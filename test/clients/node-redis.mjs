// The page with node-redis.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { createClient, createClientPool, defineScript, WatchError } from 'redis'

export const version = createRequire(import.meta.url)('redis/package.json').version

const scripts = {
  setget: defineScript({
    NUMBER_OF_KEYS: 1,
    SCRIPT: "redis.call('SET', KEYS[1], ARGV[1]); return {redis.call('GET', KEYS[1]), 7}",
    parseCommand(parser, key, value) {
      parser.pushKey(key)
      parser.push(value)
    },
    transformReply: (reply) => reply,
  }),
}

const options = ({ port, username, password, tls, protocol, db }) => ({
  RESP: protocol, username, password, database: db, scripts,
  socket: { host: '127.0.0.1', port, reconnectStrategy: false, ...(tls ? { tls: true, ...tls } : {}) },
})

export async function connect(way) {
  const client = createClient(options(way))
  client.on('error', () => {}) // what fails fails its command
  await client.connect()
  return client
}

export const close = (client) => client.destroy()

const wait = async (cond) => {
  while (!await cond()) await new Promise(setImmediate)
}

export const items = {
  async values(c) {
    assert.equal(await c.set('v:s', 'text\r\n\0', { expiration: { type: 'EX', value: 60 } }), 'OK')
    assert.equal(await c.get('v:s'), 'text\r\n\0')
    assert.ok(await c.pTTL('v:s') > 50_000)
    assert.equal(await c.get('v:none'), null)
    assert.equal(await c.set('v:s', 'x', { condition: 'NX' }), null)
    assert.equal(Number(await c.incrByFloat('v:f', 1.5)) % 1, 0.5)
    await c.mSet({ 'v:a': '1', 'v:b': '2' })
    assert.deepEqual(await c.mGet(['v:a', 'v:none', 'v:b']), ['1', null, '2'])
    assert.equal(await c.unlink(['v:s', 'v:none', 'v:f']), 2)
  },

  async collections(c) {
    await c.del(['c:h', 'c:l', 'c:s', 'c:z'])
    await c.hSet('c:h', { name: 'Ada', age: 36 })
    assert.deepEqual({ ...await c.hGetAll('c:h') }, { name: 'Ada', age: '36' })
    await c.rPush('c:l', ['1', '2', '3'])
    assert.deepEqual(await c.lRange('c:l', 0, -1), ['1', '2', '3'])
    await c.sAdd('c:s', ['a', 'b'])
    assert.deepEqual([...await c.sMembers('c:s')].sort(), ['a', 'b'])
    await c.zAdd('c:z', [{ score: 1, value: 'a' }, { score: 2.5, value: 'b' }])
    assert.deepEqual((await c.zRangeWithScores('c:z', 0, -1)).map(({ value, score }) => [value, score]), [['a', 1], ['b', 2.5]])
    assert.equal(await c.zScore('c:z', 'b'), 2.5)
  },

  async pool(c, _connect, way) {
    await c.del('p:n')
    const pool = createClientPool(options(way), { minimum: 1, maximum: 4 })
    pool.on('error', () => {})
    await pool.connect()
    await Promise.all(Array.from({ length: 800 }, () => pool.incr('p:n')))
    assert.equal(await c.get('p:n'), '800')
    await pool.close()
  },

  async pipeline(c) {
    const sent = []
    for (let i = 0; i < 1000; i++) sent.push(c.set(`pipe:${i}`, `${i}`), c.get(`pipe:${i}`))
    const wrong = assert.rejects(c.hGet('pipe:0', 'f'), /WRONGTYPE/)
    const last = c.incr('pipe:1')
    assert.equal((await Promise.all(sent))[1999], '999')
    await wrong
    assert.equal(await last, 2)
  },

  async 'transaction with WATCH'(c, connect) {
    await c.set('t:n', '0')
    await c.watch('t:n')
    const other = await connect()
    await other.incr('t:n')
    await assert.rejects(c.multi().set('t:n', '10').exec(), WatchError)
    const raise = async (client) => {
      for (;;) {
        await client.watch('t:n')
        const n = Number(await client.get('t:n'))
        try {
          await client.multi().set('t:n', `${n + 1}`).exec()
          return
        } catch (err) {
          if (!(err instanceof WatchError)) throw err
        }
      }
    }
    const clients = await Promise.all([connect(), connect(), connect(), connect()])
    await Promise.all(clients.map(async (client) => { for (let i = 0; i < 20; i++) await raise(client) }))
    assert.equal(await c.get('t:n'), '81')
    await assert.rejects(c.multi().addCommand(['NOSUCH']).set('t:n', '0').exec())
    assert.equal(await c.get('t:n'), '81')
  },

  async messages(c, connect) {
    const sub = await connect()
    const heard = []
    const listen = (text, channel) => heard.push([channel, text])
    await sub.subscribe('m:1', listen)
    await sub.pSubscribe('m:p*', listen)
    await sub.sSubscribe('m:shard', listen)
    assert.equal(await c.publish('m:1', 'one'), 1)
    assert.equal(await c.publish('m:pattern', 'two'), 1)
    assert.equal(await c.sPublish('m:shard', 'three'), 1)
    await wait(() => heard.length === 3)
    assert.deepEqual(heard, [['m:1', 'one'], ['m:pattern', 'two'], ['m:shard', 'three']])
    await sub.unsubscribe('m:1')
    assert.equal(await c.publish('m:1', 'nobody'), 0)
  },

  async 'blocking commands'(c, connect) {
    const waiter = await connect()
    const popped = waiter.blPop(['b:none', 'b:l'], 20)
    await wait(async () => /blocked_clients:1/.test(await c.info('clients')))
    await c.rPush('b:l', 'x')
    assert.deepEqual({ ...await popped }, { key: 'b:l', element: 'x' })
    assert.equal(await waiter.blPop('b:none', 0.1), null)
  },

  async scripts(c) {
    for (let i = 0; i < 2; i++) assert.deepEqual(await c.setget('s:k', 'v'), ['v', 7])
    await assert.rejects(c.evalSha('f'.repeat(40)), /NOSCRIPT/)
    await assert.rejects(c.eval("return redis.call('INCR', KEYS[1])", { keys: ['s:k'] }), /not an integer/)
  },

  async functions(c) {
    const code = "#!lua name=mylib\nredis.register_function('twice', function(keys, args) return redis.call('INCRBY', keys[1], 2 * args[1]) end)"
    assert.equal(await c.functionLoad(code, { REPLACE: true }), 'mylib')
    await c.del('f:n')
    assert.equal(await c.fCall('twice', { keys: ['f:n'], arguments: ['21'] }), 42)
    assert.equal((await c.functionList())[0].library_name, 'mylib')
    assert.equal(await c.functionDelete('mylib'), 'OK')
  },

  async 'streams with a group'(c) {
    await c.del('x:s')
    assert.equal(await c.xGroupCreate('x:s', 'g', '$', { MKSTREAM: true }), 'OK')
    await assert.rejects(c.xGroupCreate('x:s', 'g', '$'), /BUSYGROUP/)
    for (let i = 0; i < 5; i++) await c.xAdd('x:s', '*', { n: `${i}` })
    const [{ messages }] = await c.xReadGroup('g', 'one', { key: 'x:s', id: '>' }, { COUNT: 3, BLOCK: 1000 })
    assert.equal(messages.length, 3)
    assert.equal(messages[2].message.n, '2')
    assert.equal(await c.xAck('x:s', 'g', messages[0].id), 1)
    assert.equal((await c.xPending('x:s', 'g')).pending, 2)
    assert.equal((await c.xAutoClaim('x:s', 'g', 'two', 0, '0')).messages.length, 2)
    assert.equal((await c.xInfoGroups('x:s'))[0].lag, 2)
  },

  async iterators(c) {
    for (let i = 0; i < 300; i++) await c.set(`i:${i}`, `${i}`)
    const seen = new Set()
    for await (const keys of c.scanIterator({ MATCH: 'i:*', COUNT: 50 })) keys.forEach((k) => seen.add(k))
    assert.equal(seen.size, 300)
    await c.hSet('i-hash', Object.fromEntries([...seen].map((k) => [k, '1'])))
    let fields = 0
    for await (const some of c.hScanIterator('i-hash')) fields += some.length
    assert.equal(fields, 300)
  },

  async errors(c, _connect, way) {
    await c.set('e:s', 'x')
    await assert.rejects(c.lPush('e:s', 'y'), /WRONGTYPE Operation against a key holding the wrong kind of value/)
    await assert.rejects(c.sendCommand(['NOSUCH', 'a']), /ERR unknown command/)
    if (way.username) await assert.rejects(c.flushAll(), /NOPERM/)
    assert.equal(await c.get('e:s'), 'x')
  },

  async 'a shared session'(c, connect) {
    const five = await connect({ db: 5 })
    await five.clientSetName('me')
    assert.equal(await five.clientGetName(), 'me')
    await five.set('here', '1')
    assert.equal(await c.exists('here'), 0)
    await five.del('here')
  },
}
