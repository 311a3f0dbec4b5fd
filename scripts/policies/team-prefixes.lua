-- Each team has a prefix: its members write below it, and `readers` says who else reads there.
--
-- Edit the table and send the server SIGHUP. An identity is "scheme:id", whole: of digest with the
-- hash, since anybody may call himself "payments" and choose a password for it. The hash:
--     printf payments:PASSWORD | openssl dgst -sha1 -binary | base64

local top = "/teams"

local teams = {
  ["/teams/payments"] = {
    members = { "digest:payments:HASH" },
    readers = "everyone",
  },
  ["/teams/search"] = {
    members = { "digest:search:HASH", "ip:10.1.2.3" },
    readers = "members",
  },
}

for prefix, team in pairs(teams) do
  assert(under(prefix, top), prefix .. " is not below " .. top)
  assert(team.readers == "everyone" or team.readers == "members", prefix .. ": readers")
  for i, member in ipairs(team.members) do
    local scheme, id = member:match("^(%w+):(.+)$")
    assert(scheme, prefix .. ": write members as scheme:id, not " .. member)
    team.members[i] = { scheme = scheme, id = id }
  end
end

local function is_member(access, team)
  for _, member in ipairs(team.members) do
    if has(access, member.scheme, member.id) then return true end
  end
  return false
end

function decide(access)
  if not under(access, top) then return defer() end
  local team, prefix = nearest(teams, access)
  if not team then
    if access.writes then return cacheable(deny("no team's prefix")) end
    return defer()
  end
  if is_member(access, team) then return defer() end
  if access.writes then return cacheable(deny("only its members write below " .. prefix)) end
  if team.readers == "members" then
    return cacheable(deny("only its members read below " .. prefix))
  end
  return defer()
end
