-- MAKE makes closures. The trace compiler takes the first ones of a function for the only ones, and
-- compiles loops for each of them, which keeps it; of a function that has more it compiles for all
-- that are to come.
-- @return MAKE
return function(make)
  for _ = 1, 8 do
    make()
  end
  return make
end
