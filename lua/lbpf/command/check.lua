-- lbpf check: what works on this machine, found by trying it.

local support = require "lbpf.command.support"
local text = require "lbpf.text"

local check = {
  summary = "Say what works on this machine, and what to do about what does not.",
  description = "Tries what BPF programs need, and says what works and what to do about what does "
    .. "not. The exit status is 1 if programs cannot be loaded at all. Add its output to bug "
    .. "reports.",
}

function check.declare(command)
  command:flag("--json", "Write JSON.")
end

local EPERM, EACCES = 1, 13

-- A message on one line, without the name of the function that wrote it.
local function brief(message)
  message = tostring(type(message) == "table" and message.message or message)
  message = message:match("^[^\n]*"):gsub("^%S+%.lua:%d+: ", "")
  return message:match("^bad argument #%d+ to '[^']*' %((.*)%)$") or message
end

local function try(probe, privileged)
  local ok, detail, why, errno = pcall(probe[3])
  if ok and detail then
    return {name = probe[1], purpose = probe[2], works = true, detail = tostring(detail)}
  end
  local result = {name = probe[1], purpose = probe[2], works = false, fix = probe[4],
    vital = probe.vital, detail = brief(ok and why or not ok and detail or "no")}
  if not privileged and (errno == EPERM or errno == EACCES) then
    result.detail, result.fix = "not permitted: see privileges", nil
  end
  return result
end

function check.run(args)
  local results, status, privileged = {}, 0, true
  for i, probe in ipairs(require "lbpf.command.probes") do
    local result = try(probe, privileged)
    results[i] = result
    privileged = privileged and (result.works or result.name ~= "privileges")
    status = result.vital and 1 or status
    if not args.json then
      print(("%s  %s %s"):format(result.works and "yes" or "no ", text.pad(result.name, 16),
        result.detail))
      if result.fix then
        print(("     %s for %s: %s"):format(text.pad("", 16), result.purpose, result.fix))
      end
    end
  end
  if args.json then
    print(support.json()(results))
  end
  return status
end

return check
