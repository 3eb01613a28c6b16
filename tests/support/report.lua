-- busted output: a line for each spec that was skipped and for each thing that the machine lacks,
-- then the specs that failed, and the closing count. Loaded before the first spec file, so that
-- all of them share needs, which busted would else load anew for each.
local floor = require "floor"
local needs = require "needs"

return function()
  local busted = require "busted"
  local handler = require "busted.outputHandlers.base"()

  local function where(item)
    local trace = item.element.trace or item.trace or {}
    return ("%s:%s"):format(trace.short_src or "?", trace.currentline or "?")
  end

  local function message(item)
    if type(item.message) == "string" then
      return item.message
    end
    return require("pl.pretty").write(item.message)
  end

  local function list(word, items)
    for _, item in ipairs(items) do
      print(("%s: %s (%s)\n  %s"):format(word, item.name, where(item),
        (message(item) or ""):gsub("\n", "\n  ")))
      if word ~= "skipped" and item.trace and item.trace.traceback then
        print((item.trace.traceback:gsub("^\n", "")))
      end
    end
  end

  local function list_needs()
    local names = {}
    for need in pairs(needs.missed) do
      names[#names + 1] = need
    end
    table.sort(names)
    for _, need in ipairs(names) do
      local missed = needs.missed[need]
      print(("%5d skipped, need %s: %s"):format(missed.specs, need, missed.why))
    end
  end

  function handler.suiteEnd()
    for _, missed in ipairs(floor.missed()) do
      busted.publish({"error", "floor"}, {descriptor = "floor", name = missed.file}, nil,
        missed.message)
    end
    list("skipped", handler.pendings)
    list_needs()
    list("failed", handler.failures)
    list("error", handler.errors)
    print(("%d passed, %d failed, %d skipped"):format(handler.successesCount,
      handler.failuresCount + handler.errorsCount, handler.pendingsCount))
    io.stdout:flush()
    return nil, true
  end

  -- A spec whose needs are not met is registered as a pending one: neither it runs nor what is
  -- around it, before_each() and lazy_setup().
  busted.subscribe({"register", "it"}, function(name, run, trace, attributes)
    if not needs.reason(run) then
      return nil, true
    end
    needs.count(run)
    busted.publish({"register", "pending"}, name, run, trace, attributes)
    return nil, false
  end, {priority = 1})
  busted.subscribe({"test", "start"}, function(element)
    element.message = needs.reason(element.run)
    return nil, true
  end)

  -- How long each file took, as it ends: what hangs is the one after the last.
  local started, passed
  busted.subscribe({"file", "start"}, function()
    started, passed = os.time(), handler.successesCount
    return nil, true
  end)
  busted.subscribe({"file", "end"}, function(file)
    if handler.successesCount > passed then
      floor.ran(file.name)
    end
    print(("%4d s  %s"):format(os.time() - started, file.name))
    io.stdout:flush()
    return nil, true
  end)
  busted.subscribe({"suite", "end"}, handler.suiteEnd)
  return handler
end
