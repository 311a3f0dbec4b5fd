-- The same, and what is the search team's is no longer shown to others.

local teams = {
  ["/teams/payments"] = { owner = "payments:zQojzz92K0iVdmyo/qLy5Xc+ibg=", open = true },
  ["/teams/search"] = { owner = "search:jsDF4aAZb6zJPbwKFRFDcIjmeSI=", open = false },
}

function decide(access)
  local team, prefix = nearest(teams, access)
  if not team or has(access, "digest", team.owner) then return defer() end
  if access.writes then return deny("only its team writes below " .. prefix) end
  if not team.open then return deny("only its team reads below " .. prefix) end
  return defer()
end
