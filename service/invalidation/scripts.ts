/**
 * The scripts that work on the marks in Redis, each atomic.
 *
 * KEYS[1] is a sorted set: scopes by number, and the floor as one more member, which scopes cannot be called. All
 * in one key, so that an eviction or a FLUSHALL takes all or nothing. KEYS[2] is the channel, in the same slot.
 *
 * A number is the time in µs, or one more than the highest where that is not less. So numbers that a failover or a
 * FLUSHALL lost are not given twice, unless the replica's clock is behind by more than the failover took. Until the
 * year 2255 they are whole in a double.
 */
const common = `
local key, channel = KEYS[1], KEYS[2]
-- Lua would write 1.8e+15.
local function text(number) return string.format("%.0f", number) end
local function score(member) return tonumber(redis.call("ZSCORE", key, member) or "0") end
local function top() return tonumber(redis.call("ZRANGE", key, 0, 0, "REV", "WITHSCORES")[2] or "0") end
local function nextNumber(atLeast)
  local time = redis.call("TIME")
  return math.max(top() + 1, atLeast + 1, time[1] * 1000000 + time[2])
end
local function raiseFloor(floor)
  if floor > score("floor") then
    redis.call("ZREMRANGEBYSCORE", key, "-inf", text(floor))
    redis.call("ZADD", key, text(floor), "floor")
  end
end
-- Drops marks that are older than any entry, and the oldest where there are too many.
local function prune(seq, maxMarks, retentionMs)
  local old = redis.call("ZRANGE", key, text(seq - retentionMs * 1000), "-inf", "BYSCORE", "REV", "LIMIT", 0, 1, "WITHSCORES")
  if old[2] then raiseFloor(tonumber(old[2])) end
  local excess = redis.call("ZCARD", key) - 1 - maxMarks
  if excess > 0 then raiseFloor(tonumber(redis.call("ZRANGE", key, excess, excess, "WITHSCORES")[2])) end
end
`;

/**
 * ARGV: since. Returns the highest number, the floor, how many members there are up to since and
 * the highest number of them, then the marks above since.
 */
export const sinceScript = `${common}
local since = tonumber(ARGV[1])
local reply = redis.call("ZRANGE", key, "(" .. text(since), "+inf", "BYSCORE", "WITHSCORES")
local before = redis.call("ZRANGE", key, text(since), "-inf", "BYSCORE", "REV", "LIMIT", 0, 1, "WITHSCORES")
table.insert(reply, 1, before[2] or "0")
table.insert(reply, 1, text(redis.call("ZCOUNT", key, "-inf", text(since))))
table.insert(reply, 1, text(score("floor")))
table.insert(reply, 1, text(top()))
return reply
`;

/** ARGV: the caller's epoch. */
export const beginScript = `${common}
if top() == 0 then redis.call("ZADD", key, text(nextNumber(tonumber(ARGV[1]))), "floor") end
return redis.status_reply("OK")
`;

/** ARGV: the caller's epoch, maxMarks, retentionMs, scopes. Returns the news as JSON, or nothing. */
export const markScript = `${common}
local previous = top()
if previous == 0 then return false end
local seq = nextNumber(tonumber(ARGV[1]))
local scopes = {}
for i = 4, #ARGV do
  redis.call("ZADD", key, text(seq), ARGV[i])
  scopes[#scopes + 1] = ARGV[i]
end
prune(seq, tonumber(ARGV[2]), tonumber(ARGV[3]))
local news = string.format('{"seq":%.0f,"previous":%.0f,"floor":%.0f,"scopes":%s}',
  seq, previous, score("floor"), cjson.encode(scopes))
redis.call("SPUBLISH", channel, news)
return news
`;

/** ARGV: the caller's epoch, maxMarks, retentionMs, floor, then scopes and numbers in turn. */
export const restoreScript = `${common}
raiseFloor(tonumber(ARGV[4]))
local seq = nextNumber(tonumber(ARGV[1]))
local floor = score("floor")
for i = 5, #ARGV, 2 do
  if tonumber(ARGV[i + 1]) > math.max(floor, score(ARGV[i])) then redis.call("ZADD", key, text(seq), ARGV[i]) end
end
prune(seq, tonumber(ARGV[2]), tonumber(ARGV[3]))
redis.call("SPUBLISH", channel, string.format('{"seq":%.0f,"previous":0,"floor":%.0f,"scopes":[]}', top(), score("floor")))
return redis.status_reply("OK")
`;
