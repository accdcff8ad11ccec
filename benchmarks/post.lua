-- wrk's script: POST the body that stands after "--" on its command line.

function init(words)
  wrk.method = "POST"
  wrk.body = words[1]
end
