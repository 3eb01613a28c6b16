-- busted output: a line for each spec that failed or was skipped, and the closing count.
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

  function handler.suiteEnd()
    list("skipped", handler.pendings)
    list("failed", handler.failures)
    list("error", handler.errors)
    print(("%d passed, %d failed, %d skipped"):format(handler.successesCount,
      handler.failuresCount + handler.errorsCount, handler.pendingsCount))
    io.stdout:flush()
    return nil, true
  end

  -- How long each file took, as it ends: what hangs is the one after the last.
  local started
  busted.subscribe({"file", "start"}, function()
    started = os.time()
    return nil, true
  end)
  busted.subscribe({"file", "end"}, function(file)
    print(("%4d s  %s"):format(os.time() - started, file.name))
    io.stdout:flush()
    return nil, true
  end)
  busted.subscribe({"suite", "end"}, handler.suiteEnd)
  return handler
end
