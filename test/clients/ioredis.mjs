// The page with ioredis.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { Redis } from 'ioredis'

export const version = createRequire(import.meta.url)('ioredis/package.json').version

export async function connect({ port, username, password, tls, protocol, db = 0 }) {
  const client = new Redis({
    host: '127.0.0.1', port, username, password, tls, db, protocol, lazyConnect: true, retryStrategy: null,
  })
  client.on('error', () => {}) // what fails fails its command
  await client.connect()
  return client
}

export const close = (client) => client.disconnect()

const wait = async (cond) => {
  while (!await cond()) await new Promise(setImmediate)
}

export const items = {
  async values(c) {
    assert.equal(await c.set('v:s', 'text\r\n\0', 'EX', 60), 'OK')
    assert.equal(await c.get('v:s'), 'text\r\n\0')
    assert.ok(await c.pttl('v:s') > 50_000)
    assert.equal(await c.get('v:none'), null)
    assert.equal(await c.set('v:s', 'x', 'NX'), null)
    assert.equal(Number(await c.incrbyfloat('v:f', 1.5)) % 1, 0.5)
    await c.mset({ 'v:a': 1, 'v:b': 2 })
    assert.deepEqual(await c.mget('v:a', 'v:none', 'v:b'), ['1', null, '2'])
    const bytes = Buffer.from([0, 255, 13, 10])
    await c.set('v:bytes', bytes)
    assert.ok((await c.getBuffer('v:bytes')).equals(bytes))
    assert.equal(await c.unlink('v:s', 'v:none', 'v:f'), 2)
  },

  async collections(c) {
    await c.del('c:h', 'c:l', 'c:s', 'c:z')
    await c.hset('c:h', { name: 'Ada', age: 36 })
    assert.deepEqual(await c.hgetall('c:h'), { name: 'Ada', age: '36' })
    await c.rpush('c:l', 1, 2, 3)
    assert.deepEqual(await c.lrange('c:l', 0, -1), ['1', '2', '3'])
    await c.sadd('c:s', 'a', 'b')
    assert.deepEqual((await c.smembers('c:s')).sort(), ['a', 'b'])
    assert.deepEqual(await c.smismember('c:s', 'a', 'x'), [1, 0])
    await c.zadd('c:z', 1, 'a', 2.5, 'b')
    assert.deepEqual((await c.zrange('c:z', 0, -1, 'WITHSCORES')).flat().map(String), ['a', '1', 'b', '2.5'])
    assert.equal(Number(await c.zscore('c:z', 'b')), 2.5)
  },

  async 'many connections'(c, connect) {
    await c.del('p:n')
    const pool = await Promise.all(Array.from({ length: 8 }, () => connect()))
    await Promise.all(pool.flatMap((one) => Array.from({ length: 100 }, () => one.incr('p:n'))))
    assert.equal(await c.get('p:n'), '800')
  },

  async pipeline(c) {
    const p = c.pipeline()
    for (let i = 0; i < 1000; i++) p.set(`pipe:${i}`, i).get(`pipe:${i}`)
    p.hget('pipe:0', 'f')
    p.incr('pipe:1')
    const replies = await p.exec()
    assert.deepEqual(replies[1999], [null, '999'])
    assert.match(replies[2000][0].message, /^WRONGTYPE/)
    assert.deepEqual(replies[2001], [null, 2])
  },

  async 'transaction with WATCH'(c, connect) {
    await c.set('t:n', 0)
    await c.watch('t:n')
    const other = await connect()
    await other.incr('t:n')
    assert.equal(await c.multi().set('t:n', 10).exec(), null)
    const raise = async (client) => {
      for (;;) {
        await client.watch('t:n')
        const n = Number(await client.get('t:n'))
        if (await client.multi().set('t:n', n + 1).exec() !== null) return
      }
    }
    const clients = await Promise.all([connect(), connect(), connect(), connect()])
    await Promise.all(clients.map(async (client) => { for (let i = 0; i < 20; i++) await raise(client) }))
    assert.equal(await c.get('t:n'), '81')
    await assert.rejects(c.multi().call('NOSUCH').set('t:n', 0).exec(), /EXECABORT|unknown command/)
  },

  async messages(c, connect) {
    const sub = await connect()
    const heard = []
    sub.on('message', (channel, text) => heard.push([channel, text]))
    sub.on('pmessage', (pattern, channel, text) => heard.push([pattern, channel, text]))
    assert.equal(await sub.subscribe('m:1'), 1)
    assert.equal(await sub.psubscribe('m:p*'), 2)
    sub.on('smessage', (channel, text) => heard.push([channel, text]))
    assert.equal(await sub.ssubscribe('m:shard'), 1)
    assert.equal(await c.publish('m:1', 'one'), 1)
    assert.equal(await c.publish('m:pattern', 'two'), 1)
    assert.equal(await c.spublish('m:shard', 'three'), 1)
    await wait(() => heard.length === 3)
    assert.deepEqual(heard, [['m:1', 'one'], ['m:p*', 'm:pattern', 'two'], ['m:shard', 'three']])
    assert.equal(await sub.unsubscribe('m:1'), 1) // the pattern is left
    assert.equal(await c.publish('m:1', 'nobody'), 0)
  },

  async 'blocking commands'(c, connect) {
    const waiter = await connect()
    const popped = waiter.blpop('b:none', 'b:l', 20)
    await wait(async () => /blocked_clients:1/.test(await c.info('clients')))
    await c.rpush('b:l', 'x')
    assert.deepEqual(await popped, ['b:l', 'x'])
    assert.equal(await waiter.blpop('b:none', 0.1), null)
  },

  async scripts(c) {
    c.defineCommand('setget', { numberOfKeys: 1, lua: "redis.call('SET', KEYS[1], ARGV[1]); return {redis.call('GET', KEYS[1]), 7}" })
    for (let i = 0; i < 2; i++) assert.deepEqual(await c.setget('s:k', 'v'), ['v', 7])
    await assert.rejects(c.evalsha('f'.repeat(40), 0), /NOSCRIPT/)
    await assert.rejects(c.eval("return redis.call('INCR', KEYS[1])", 1, 's:k'), /not an integer/)
  },

  async functions(c) {
    const code = "#!lua name=mylib\nredis.register_function('twice', function(keys, args) return redis.call('INCRBY', keys[1], 2 * args[1]) end)"
    assert.equal(await c.function('LOAD', 'REPLACE', code), 'mylib')
    await c.del('f:n')
    assert.equal(await c.fcall('twice', 1, 'f:n', 21), 42)
    assert.equal(await c.function('DELETE', 'mylib'), 'OK')
  },

  async 'streams with a group'(c) {
    await c.del('x:s')
    assert.equal(await c.xgroup('CREATE', 'x:s', 'g', '$', 'MKSTREAM'), 'OK')
    await assert.rejects(c.xgroup('CREATE', 'x:s', 'g', '$'), /BUSYGROUP/)
    for (let i = 0; i < 5; i++) await c.xadd('x:s', 'MAXLEN', '~', 1000, '*', 'n', i)
    const reply = await c.xreadgroup('GROUP', 'g', 'one', 'COUNT', 3, 'BLOCK', 1000, 'STREAMS', 'x:s', '>')
    const entries = Array.isArray(reply) ? reply[0][1] : Object.values(reply)[0]
    assert.equal(entries.length, 3)
    assert.deepEqual(entries[2][1], ['n', '2'])
    assert.equal(await c.xack('x:s', 'g', entries[0][0]), 1)
    assert.equal((await c.xpending('x:s', 'g'))[0], 2)
    assert.equal((await c.xautoclaim('x:s', 'g', 'two', 0, '0'))[1].length, 2)
  },

  async iterators(c) {
    for (let i = 0; i < 300; i++) await c.set(`i:${i}`, i)
    const seen = new Set()
    for await (const keys of c.scanStream({ match: 'i:*', count: 50 })) keys.forEach((k) => seen.add(k))
    assert.equal(seen.size, 300)
    await c.hset('i-hash', Object.fromEntries([...seen].map((k) => [k, 1])))
    let parts = 0
    for await (const some of c.hscanStream('i-hash')) parts += some.length
    assert.equal(parts, 600)
  },

  async errors(c, _connect, way) {
    await c.set('e:s', 'x')
    await assert.rejects(c.lpush('e:s', 'y'), /WRONGTYPE Operation against a key holding the wrong kind of value/)
    await assert.rejects(c.call('NOSUCH', 'a'), /ERR unknown command/)
    if (way.username) await assert.rejects(c.flushall(), /NOPERM/)
    assert.equal(await c.get('e:s'), 'x')
  },

  async 'a shared session'(c, connect) {
    const five = await connect({ db: 5 })
    await five.client('SETNAME', 'me')
    assert.equal(await five.client('GETNAME'), 'me')
    await five.set('here', 1)
    assert.equal(await c.exists('here'), 0)
    await five.del('here')
  },
}
