-- Below the prefix of a team only that team writes. Everybody reads.

-- printf payments:pay-secret | openssl dgst -sha1 -binary | base64
local teams = {
  ["/teams/payments"] = "payments:zQojzz92K0iVdmyo/qLy5Xc+ibg=",
  ["/teams/search"] = "search:jsDF4aAZb6zJPbwKFRFDcIjmeSI=",
}

function decide(access)
  local owner, prefix = nearest(teams, access)
  if owner and access.writes and not has(access, "digest", owner) then
    return deny("only its team writes below " .. prefix)
  end
  return defer() -- to the ACL
end
