-- What nobody may do below a prefix, whatever the ACLs say (the identity `super` is never asked):
--     "read-only"  nothing is created, changed or deleted
--     "add-only"   nodes are created, and then neither changed nor deleted
--     "encrypted"  nothing at all without TLS
-- The rule of the closest prefix counts. Edit the table and send the server SIGHUP.

local rules = {
  ["/archive"] = "read-only",
  ["/audit"] = "add-only",
  ["/secrets"] = "encrypted",
}

for prefix, rule in pairs(rules) do
  assert(rule == "read-only" or rule == "add-only" or rule == "encrypted",
         prefix .. ": no rule is called " .. rule)
end

function decide(access)
  local rule, prefix = nearest(rules, access)
  if rule == "read-only" and access.writes then
    return cacheable(deny(prefix .. " is read-only"))
  end
  if rule == "add-only" and access.writes and access.operation ~= "create" then
    return cacheable(deny("nothing below " .. prefix .. " is changed or deleted"))
  end
  if rule == "encrypted" and not access.encrypted then
    return deny(prefix .. " needs an encrypted connection")
  end
  return defer()
end
