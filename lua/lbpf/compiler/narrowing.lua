-- Which variables cannot be nil, because of conditions before.
local narrowing = {}

--- The variables that are not nil if the node is true (or false: SENSE), as a list: those that are
-- never assigned to again.
function narrowing.implied(node, sense, out)
  out = out or {}
  if node.tag == "unary" and node.op == "not" then
    narrowing.implied(node.operand, not sense, out)
  elseif node.tag == "binary" and node.op == (sense and "and" or "or") then
    narrowing.implied(node.left, sense, out)
    narrowing.implied(node.right, sense, out)
  elseif node.tag == "binary" and node.right.tag == "nil"
    and (node.op == "~=" and sense or node.op == "==" and not sense) then
    narrowing.implied(node.left, true, out)
  elseif node.tag == "name" and sense and node.ref and node.ref.kind == "local" then
    if node.ref.var.assigned == 0 then
      out[#out + 1] = node.ref.var
    end
  end
  return out
end

--- Whether the end of a block is never reached.
function narrowing.always_returns(body)
  local last = body[#body]
  if not last then
    return false
  elseif last.tag == "return" or last.tag == "break" then
    return true
  elseif last.tag == "do" then
    return narrowing.always_returns(last.body)
  elseif last.tag == "if" and last.otherwise then
    for _, arm in ipairs(last.arms) do
      if not narrowing.always_returns(arm.body) then
        return false
      end
    end
    return narrowing.always_returns(last.otherwise)
  end
  return false
end

--- The variables that are not nil after a statement: `if not x then return end`.
function narrowing.after(node)
  if node.tag == "if" and #node.arms == 1 and not node.otherwise
    and narrowing.always_returns(node.arms[1].body) then
    return narrowing.implied(node.arms[1].cond, false)
  end
  return {}
end

return narrowing
