-- For wrk: POST the file that BODY names as JSON.
local file = assert(io.open(assert(os.getenv("BODY"), "BODY names the file to send"), "rb"))
wrk.method = "POST"
wrk.body = file:read("*a")
wrk.headers["content-type"] = "application/json"
file:close()
