# The calls of the Postman collection by curl, with the status that each gets, for bash. Paste them
# part by part, with BASE and KEY set as in README.md: a key on premium is good for one a minute.
# Written by tests/battery/derived.py, and run by `make test`.
RUN=$(date +%s) PASSWORD=clave-de-prueba
PATIENT='{ "nivel_colesterol": 2.0, "presion_arterial": 1.2, "azucar": 1.0, "edad": 40, "sobrepeso": 1, "tabaquismo": 0 }'

## Preparation
# The process is up -> 200
curl -si "$BASE/healthz"
# The process is up, by HEAD -> 200
curl -si -I "$BASE/healthz"
# The network, the database and the log are ready -> 200
curl -si "$BASE/readyz" | tee a.txt
MODEL=$(grep -o '"modelo":\[*"[^"]*' a.txt | sed 's/.*"//;q')
# Ready, by HEAD -> 200
curl -si -I "$BASE/readyz"
# The network's card -> 200
curl -si "$BASE/model"
# The network's card, by HEAD -> 200
curl -si -I "$BASE/model"
# Register the clinic -> 201
curl -si "$BASE/register" -d '{ "username": "clinica-'"$RUN"'", "password": "'"$PASSWORD"'", "email": "clinica-'"$RUN"'@example.org" }'
# Log the clinic in -> 200
curl -si "$BASE/login" -d '{ "username": "clinica-'"$RUN"'", "password": "'"$PASSWORD"'" }' | tee a.txt
TOKEN=$(grep -o '"access_token":\[*"[^"]*' a.txt | sed 's/.*"//;q')
# Put the clinic on premium -> 200
curl -si "$BASE/SwitchToPremium" -d '{ "username": "clinica-'"$RUN"'", "password": "'"$PASSWORD"'" }'
# Create the clinic's API key -> 201
curl -si -X POST "$BASE/account/keys" -H "Authorization: Bearer $TOKEN"

## Authorization
# No key -> 401
curl -si "$BASE/service" -d "$PATIENT"
# No key, by GET -> 401
curl -si -X GET "$BASE/service" -d '{ "nivel_colesterol": 2.00, "presion_arterial": 1.20, "azucar": 1.00, "edad": 40, "sobrepeso": 1, "tabaquismo": 0 }'
# A word that is no key -> 401
curl -si "$BASE/service" -H "Authorization: sesamo" -d "$PATIENT"
# A key in the query string opens nothing -> 401
curl -si "$BASE/service?api_key=$KEY&nivel_colesterol=2.0&presion_arterial=1.2&azucar=1.0&edad=40&sobrepeso=1&tabaquismo=0"
# A key in X-API-Key opens nothing -> 401
curl -si "$BASE/service" -H "X-API-Key: $KEY" -d '{}'
# A browser's cookie opens nothing alone -> 403
curl -si "$BASE/account" -H "Cookie: sesion=anything"
# The key is checked before the body -> 401
curl -si "$BASE/service" -d 'this is no JSON'
# The right key -> 200
curl -si "$BASE/service" -H "Authorization: $KEY" -d "$PATIENT"
# The right key after Bearer -> 200
curl -si "$BASE/service" -H "Authorization: Bearer $KEY" -d "$PATIENT"
# An access token opens the same door -> 200
curl -si "$BASE/service" -H "Authorization: Bearer $TOKEN" -d "$PATIENT"

## The service
# GET with a body, as the assignment shows it -> 200
curl -si -X GET "$BASE/service" -H "Authorization: $KEY" -d '{ "nivel_colesterol": 2.00, "presion_arterial": 1.20, "azucar": 1.00, "edad": 40, "sobrepeso": 1, "tabaquismo": 0 }'
# GET with the query string -> 200
curl -si "$BASE/service?nivel_colesterol=2.0&presion_arterial=1.2&azucar=1.0&edad=40&sobrepeso=1&tabaquismo=0" -H "Authorization: $KEY"
# POST -> 200
curl -si "$BASE/service" -H "Authorization: $KEY" -d "$PATIENT"
# QUERY (RFC 10008) -> 200
curl -si -X QUERY "$BASE/service" -H "Authorization: $KEY" -d "$PATIENT"
# Over 50 with high sugar: at risk -> 200
curl -si "$BASE/service" -H "Authorization: $KEY" -d '{ "nivel_colesterol": 2.4, "presion_arterial": 1.4, "azucar": 1.8, "edad": 72, "sobrepeso": 0, "tabaquismo": 0 }'
# A smoker with overweight: at risk -> 200
curl -si "$BASE/service" -H "Authorization: $KEY" -d '{ "nivel_colesterol": 2.0, "presion_arterial": 1.2, "azucar": 1.0, "edad": 40, "sobrepeso": 1, "tabaquismo": 1 }'
# Flags as booleans -> 200
curl -si "$BASE/service" -H "Authorization: $KEY" -d '{ "nivel_colesterol": 2.0, "presion_arterial": 1.2, "azucar": 1.0, "edad": 40, "sobrepeso": true, "tabaquismo": false }'
# The network that was trained before answers -> 200
curl -si "$BASE/service" -H "Authorization: $KEY" -d "$PATIENT"
# The least of every range -> 200
curl -si "$BASE/service" -H "Authorization: $KEY" -d '{ "nivel_colesterol": 1.0, "presion_arterial": 0.6, "azucar": 0.5, "edad": 0, "sobrepeso": 0, "tabaquismo": 0 }'
# The greatest of every range -> 200
curl -si "$BASE/service" -H "Authorization: $KEY" -d '{ "nivel_colesterol": 3.0, "presion_arterial": 1.8, "azucar": 2.0, "edad": 99, "sobrepeso": 1, "tabaquismo": 1 }'
# nivel_colesterol below its range -> 422
curl -si "$BASE/service" -H "Authorization: $KEY" -d '{ "nivel_colesterol": 0.99, "presion_arterial": 1.2, "azucar": 1.0, "edad": 40, "sobrepeso": 1, "tabaquismo": 0 }'
# nivel_colesterol above its range -> 422
curl -si "$BASE/service" -H "Authorization: $KEY" -d '{ "nivel_colesterol": 3.01, "presion_arterial": 1.2, "azucar": 1.0, "edad": 40, "sobrepeso": 1, "tabaquismo": 0 }'
# presion_arterial below its range -> 422
curl -si "$BASE/service" -H "Authorization: $KEY" -d '{ "nivel_colesterol": 2.0, "presion_arterial": 0.59, "azucar": 1.0, "edad": 40, "sobrepeso": 1, "tabaquismo": 0 }'
# presion_arterial above its range -> 422
curl -si "$BASE/service" -H "Authorization: $KEY" -d '{ "nivel_colesterol": 2.0, "presion_arterial": 1.81, "azucar": 1.0, "edad": 40, "sobrepeso": 1, "tabaquismo": 0 }'
# azucar below its range -> 422
curl -si "$BASE/service" -H "Authorization: $KEY" -d '{ "nivel_colesterol": 2.0, "presion_arterial": 1.2, "azucar": 0.49, "edad": 40, "sobrepeso": 1, "tabaquismo": 0 }'
# azucar above its range -> 422
curl -si "$BASE/service" -H "Authorization: $KEY" -d '{ "nivel_colesterol": 2.0, "presion_arterial": 1.2, "azucar": 2.01, "edad": 40, "sobrepeso": 1, "tabaquismo": 0 }'
# edad below its range -> 422
curl -si "$BASE/service" -H "Authorization: $KEY" -d '{ "nivel_colesterol": 2.0, "presion_arterial": 1.2, "azucar": 1.0, "edad": -1, "sobrepeso": 1, "tabaquismo": 0 }'
# edad above its range -> 422
curl -si "$BASE/service" -H "Authorization: $KEY" -d '{ "nivel_colesterol": 2.0, "presion_arterial": 1.2, "azucar": 1.0, "edad": 100, "sobrepeso": 1, "tabaquismo": 0 }'
# sobrepeso below its range -> 422
curl -si "$BASE/service" -H "Authorization: $KEY" -d '{ "nivel_colesterol": 2.0, "presion_arterial": 1.2, "azucar": 1.0, "edad": 40, "sobrepeso": -1, "tabaquismo": 0 }'
# sobrepeso above its range -> 422
curl -si "$BASE/service" -H "Authorization: $KEY" -d '{ "nivel_colesterol": 2.0, "presion_arterial": 1.2, "azucar": 1.0, "edad": 40, "sobrepeso": 2, "tabaquismo": 0 }'
# tabaquismo below its range -> 422
curl -si "$BASE/service" -H "Authorization: $KEY" -d '{ "nivel_colesterol": 2.0, "presion_arterial": 1.2, "azucar": 1.0, "edad": 40, "sobrepeso": 1, "tabaquismo": -1 }'
# tabaquismo above its range -> 422
curl -si "$BASE/service" -H "Authorization: $KEY" -d '{ "nivel_colesterol": 2.0, "presion_arterial": 1.2, "azucar": 1.0, "edad": 40, "sobrepeso": 1, "tabaquismo": 2 }'

## Both limits
# Register the limited account -> 201
curl -si "$BASE/register" -d '{ "username": "limite-'"$RUN"'", "password": "'"$PASSWORD"'", "email": "limite-'"$RUN"'@example.org" }'
# Log the limited account in -> 200
curl -si "$BASE/login" -d '{ "username": "limite-'"$RUN"'", "password": "'"$PASSWORD"'" }' | tee a.txt
LIMIT_TOKEN=$(grep -o '"access_token":\[*"[^"]*' a.txt | sed 's/.*"//;q')
# Create the limited account's key -> 201
curl -si -X POST "$BASE/account/keys" -H "Authorization: Bearer $LIMIT_TOKEN" | tee a.txt
LIMIT_KEY=$(grep -o '"key":\[*"[^"]*' a.txt | sed 's/.*"//;q')
# Wait for a minute with room (plans) -> 200
curl -si "$BASE/predictions?limit=1" -H "Authorization: $KEY"
# Freemium: account routes draw on no window -> 200
curl -si "$BASE/account" -H "Authorization: $LIMIT_KEY"
# Put the limited account on premium -> 200
curl -si "$BASE/SwitchToPremium" -d '{ "username": "limite-'"$RUN"'", "password": "'"$PASSWORD"'" }'
# Another account is not touched -> 200
curl -si "$BASE/service" -H "Authorization: $KEY" -d "$PATIENT"

## The log
# The caller's request id is kept -> 200
curl -si "$BASE/service" -H "Authorization: $KEY" -H "X-Request-ID: corrida-$RUN-1" -d "$PATIENT"
# A refused request is timed and named too -> 401
curl -si "$BASE/service" -H "Authorization: sesamo" -H "X-Request-ID: corrida-$RUN-2" -d "$PATIENT"
# An id that is not well formed is replaced -> 200
curl -si "$BASE/healthz" -H "X-Request-ID: two words"
# The requests are counted for Prometheus -> 200
curl -si "$BASE/metrics"
# Counted, by HEAD -> 200
curl -si -I "$BASE/metrics"
# A forwarded request for the counts needs a key -> 401
curl -si "$BASE/metrics" -H "X-Forwarded-For: 203.0.113.7"

## The cache
# Create a key that nobody has used -> 201
curl -si -X POST "$BASE/account/keys" -H "Authorization: Bearer $TOKEN" | tee a.txt
COLD_KEY=$(grep -o '"key":\[*"[^"]*' a.txt | sed 's/.*"//;q')
# Its first request asks the database -> 200
curl -si "$BASE/service" -H "Authorization: $COLD_KEY" -d "$PATIENT"
# The network and its card are in memory -> 200
curl -si "$BASE/readyz"

## Validation
# A field is missing -> 422
curl -si "$BASE/service" -H "Authorization: $KEY" -d '{ "nivel_colesterol": 2.0, "presion_arterial": 1.2, "azucar": 1.0, "sobrepeso": 1, "tabaquismo": 0 }'
# A field that is not a patient's -> 422
curl -si "$BASE/service" -H "Authorization: $KEY" -d '{ "nivel_colesterol": 2.0, "presion_arterial": 1.2, "azucar": 1.0, "edad": 40, "sobrepeso": 1, "tabaquismo": 0, "altura": 1.8 }'
# A number as text -> 422
curl -si "$BASE/service" -H "Authorization: $KEY" -d '{ "nivel_colesterol": 2.0, "presion_arterial": 1.2, "azucar": "1.0", "edad": 40, "sobrepeso": 1, "tabaquismo": 0 }'
# An age with a fraction -> 422
curl -si "$BASE/service" -H "Authorization: $KEY" -d '{ "nivel_colesterol": 2.0, "presion_arterial": 1.2, "azucar": 1.0, "edad": 40.5, "sobrepeso": 1, "tabaquismo": 0 }'
# No number at all -> 422
curl -si "$BASE/service" -H "Authorization: $KEY" -d '{ "nivel_colesterol": 2.0, "presion_arterial": 1.2, "azucar": null, "edad": 40, "sobrepeso": 1, "tabaquismo": 0 }'
# NaN -> 422
curl -si "$BASE/service" -H "Authorization: $KEY" -d '{ "nivel_colesterol": 2.0, "presion_arterial": 1.2, "azucar": NaN, "edad": 40, "sobrepeso": 1, "tabaquismo": 0 }'
# A field twice -> 422
curl -si "$BASE/service" -H "Authorization: $KEY" -d '{ "nivel_colesterol": 2.0, "presion_arterial": 1.2, "azucar": 1.0, "edad": 40, "edad": 41, "sobrepeso": 1, "tabaquismo": 0 }'
# Everything wrong, everything named -> 422
curl -si "$BASE/service" -H "Authorization: $KEY" -d '{ "nivel_colesterol": 1000, "presion_arterial": 1000, "azucar": 1000, "edad": 1000, "sobrepeso": 1000, "tabaquismo": 1000 }'
# A fault in the query string -> 422
curl -si "$BASE/service?nivel_colesterol=2.0&presion_arterial=1.2&azucar=1.0&edad=400&sobrepeso=1&tabaquismo=0" -H "Authorization: $KEY"
# The assignment's example to the letter is no JSON -> 400
curl -si "$BASE/service" -H "Authorization: $KEY" -d '{ "nivel_colesterol": 2.00, "presion_arterial":1.20, "azucar":1.00 "edad":40, "sobrepeso":1, "tabaquismo":0, }'
# A list is no object -> 400
curl -si "$BASE/service" -H "Authorization: $KEY" -d '[1, 2, 3]'
# A form is no JSON -> 400
curl -si "$BASE/service" -H "Authorization: $KEY" -d edad=40
# A coded body -> 415
curl -si "$BASE/service" -H "Authorization: $KEY" -H "Content-Encoding: gzip" -d '{}'
# A misspelt parameter -> 422
curl -si "$BASE/service?explicr=1" -H "Authorization: $KEY" -d '{}'
# No such path -> 404
curl -si "$BASE/nowhere" -H "Authorization: $KEY"
# No such method -> 405
curl -si -X DELETE "$BASE/service" -H "Authorization: $KEY"

## Accounts
# Register -> 201
curl -si "$BASE/register" -d '{ "username": "cuenta-'"$RUN"'", "password": "'"$PASSWORD"'", "email": "cuenta-'"$RUN"'@example.org" }'
# Register somebody else -> 201
curl -si "$BASE/register" -d '{ "username": "otra-'"$RUN"'", "password": "'"$PASSWORD"'", "email": "otra-'"$RUN"'@example.org" }'
# A name that is taken -> 409
curl -si "$BASE/register" -d '{ "username": "cuenta-'"$RUN"'", "password": "'"$PASSWORD"'", "email": "nueva-'"$RUN"'@example.org" }'
# An address that is taken -> 409
curl -si "$BASE/register" -d '{ "username": "nueva-'"$RUN"'", "password": "'"$PASSWORD"'", "email": "cuenta-'"$RUN"'@example.org" }'
# Faults in a registration are named together -> 422
curl -si "$BASE/register" -d '{ "username": "", "password": "short", "email": "nowhere" }'
# A registration that is no JSON -> 400
curl -si "$BASE/register" -d username=ana
# A key that is none registers nobody -> 401
curl -si "$BASE/register" -H "Authorization: crk_none" -d '{ "username": "nadie-'"$RUN"'", "password": "'"$PASSWORD"'", "email": "nadie-'"$RUN"'@example.org" }'
# A wrong password -> 401
curl -si "$BASE/login" -d '{ "username": "cuenta-'"$RUN"'", "password": "not the password" }'
# A name that nobody has -> 401
curl -si "$BASE/login" -d '{ "username": "nadie-'"$RUN"'", "password": "'"$PASSWORD"'" }'
# A plan is not changed with a wrong password -> 401
curl -si "$BASE/SwitchToPremium" -d '{ "username": "cuenta-'"$RUN"'", "password": "not the password" }'
# Log in -> 200
curl -si "$BASE/login" -d '{ "username": "cuenta-'"$RUN"'", "password": "'"$PASSWORD"'" }' | tee a.txt
ACCOUNT_TOKEN=$(grep -o '"access_token":\[*"[^"]*' a.txt | sed 's/.*"//;q')
ACCOUNT_REFRESH=$(grep -o '"refresh_token":\[*"[^"]*' a.txt | sed 's/.*"//;q')
# Log somebody else in -> 200
curl -si "$BASE/login" -d '{ "username": "otra-'"$RUN"'", "password": "'"$PASSWORD"'" }' | tee a.txt
OTHER_TOKEN=$(grep -o '"access_token":\[*"[^"]*' a.txt | sed 's/.*"//;q')
# See the account -> 200
curl -si "$BASE/account" -H "Authorization: Bearer $ACCOUNT_TOKEN"
# No account without a credential -> 401
curl -si "$BASE/account"
# Switch to premium -> 200
curl -si "$BASE/SwitchToPremium" -d '{ "username": "cuenta-'"$RUN"'", "password": "'"$PASSWORD"'" }'
# Switch back to freemium -> 200
curl -si "$BASE/SwitchToFreemium" -d '{ "username": "cuenta-'"$RUN"'", "password": "'"$PASSWORD"'" }'
# Switch to premium again -> 200
curl -si "$BASE/SwitchToPremium" -d '{ "username": "cuenta-'"$RUN"'", "password": "'"$PASSWORD"'" }'
# The token carries the new plan at once -> 200
curl -si "$BASE/predictions" -H "Authorization: Bearer $ACCOUNT_TOKEN"
# A refresh token opens no door -> 401
curl -si "$BASE/account" -H "Authorization: Bearer $ACCOUNT_REFRESH"
# An access token does not refresh -> 401
curl -si -X POST "$BASE/refresh" -H "Authorization: Bearer $ACCOUNT_TOKEN"
# Refresh -> 200
curl -si -X POST "$BASE/refresh" -H "Authorization: Bearer $ACCOUNT_REFRESH" | tee a.txt
RENEWED_TOKEN=$(grep -o '"access_token":\[*"[^"]*' a.txt | sed 's/.*"//;q')
RENEWED_REFRESH=$(grep -o '"refresh_token":\[*"[^"]*' a.txt | sed 's/.*"//;q')
# The new access token works -> 200
curl -si "$BASE/account" -H "Authorization: Bearer $RENEWED_TOKEN"
# The used refresh token again -> 401
curl -si -X POST "$BASE/refresh" -H "Authorization: Bearer $ACCOUNT_REFRESH"
# That has ended the session: its refresh token -> 401
curl -si -X POST "$BASE/refresh" -H "Authorization: Bearer $RENEWED_REFRESH"
# That has ended the session: its access token -> 401
curl -si "$BASE/account" -H "Authorization: Bearer $RENEWED_TOKEN"
# Log in anew -> 200
curl -si "$BASE/login" -d '{ "username": "cuenta-'"$RUN"'", "password": "'"$PASSWORD"'" }' | tee a.txt
ACCOUNT_TOKEN=$(grep -o '"access_token":\[*"[^"]*' a.txt | sed 's/.*"//;q')
ACCOUNT_REFRESH=$(grep -o '"refresh_token":\[*"[^"]*' a.txt | sed 's/.*"//;q')
# Create a key -> 201
curl -si -X POST "$BASE/account/keys" -H "Authorization: Bearer $ACCOUNT_TOKEN" | tee a.txt
FIRST_KEY=$(grep -o '"key":\[*"[^"]*' a.txt | sed 's/.*"//;q')
FIRST_ID=$(grep -o '"key_id":\[*"[^"]*' a.txt | sed 's/.*"//;q')
# The account of a key that has a password is not registered again -> 409
curl -si "$BASE/register" -H "Authorization: $FIRST_KEY" -d '{ "username": "nadie-'"$RUN"'", "password": "'"$PASSWORD"'", "email": "nadie-'"$RUN"'@example.org" }'
# Create a key that ends -> 201
curl -si "$BASE/account/keys" -H "Authorization: Bearer $ACCOUNT_TOKEN" -d '{ "expires_days": 30 }'
# A life that cannot be -> 422
curl -si "$BASE/account/keys" -H "Authorization: Bearer $ACCOUNT_TOKEN" -d '{ "expires_days": 0 }'
# List the keys -> 200
curl -si "$BASE/account/keys" -H "Authorization: Bearer $ACCOUNT_TOKEN"
# The key works -> 200
curl -si "$BASE/service" -H "Authorization: $FIRST_KEY" -d "$PATIENT"
# Rotate it, with an hour's overlap -> 201
curl -si "$BASE/account/keys/$FIRST_ID/rotate" -H "Authorization: Bearer $ACCOUNT_TOKEN" -d '{ "grace_minutes": 60 }' | tee a.txt
SECOND_KEY=$(grep -o '"key":\[*"[^"]*' a.txt | sed 's/.*"//;q')
SECOND_ID=$(grep -o '"key_id":\[*"[^"]*' a.txt | sed 's/.*"//;q')
# The new key works -> 200
curl -si "$BASE/service" -H "Authorization: $SECOND_KEY" -d "$PATIENT"
# The old key still works -> 200
curl -si "$BASE/service" -H "Authorization: $FIRST_KEY" -d "$PATIENT"
# Rotate the new one, with no overlap -> 201
curl -si -X POST "$BASE/account/keys/$SECOND_ID/rotate" -H "Authorization: Bearer $ACCOUNT_TOKEN" | tee a.txt
THIRD_KEY=$(grep -o '"key":\[*"[^"]*' a.txt | sed 's/.*"//;q')
THIRD_ID=$(grep -o '"key_id":\[*"[^"]*' a.txt | sed 's/.*"//;q')
# The replaced key is refused at once -> 401
curl -si "$BASE/service" -H "Authorization: $SECOND_KEY" -d "$PATIENT"
# A key that has ended cannot be rotated -> 409
curl -si -X POST "$BASE/account/keys/$SECOND_ID/rotate" -H "Authorization: Bearer $ACCOUNT_TOKEN"
# Somebody else's key cannot be rotated -> 404
curl -si -X POST "$BASE/account/keys/$THIRD_ID/rotate" -H "Authorization: Bearer $OTHER_TOKEN"
# Somebody else's key cannot be revoked -> 404
curl -si -X DELETE "$BASE/account/keys/$THIRD_ID" -H "Authorization: Bearer $OTHER_TOKEN"
# Revoke the key -> 204
curl -si -X DELETE "$BASE/account/keys/$THIRD_ID" -H "Authorization: Bearer $ACCOUNT_TOKEN"
# The revoked key is refused at once -> 401
curl -si "$BASE/service" -H "Authorization: $THIRD_KEY" -d "$PATIENT"
# Create a key with a limit of its own -> 201
curl -si "$BASE/account/keys" -H "Authorization: Bearer $ACCOUNT_TOKEN" -d '{ "limit": 1 }' | tee a.txt
WARD_KEY=$(grep -o '"key":\[*"[^"]*' a.txt | sed 's/.*"//;q')
# The tighter limit is told -> 200
curl -si "$BASE/service" -H "Authorization: $WARD_KEY" -d "$PATIENT"
# It makes no other key -> 403
curl -si "$BASE/account/keys" -H "Authorization: $WARD_KEY" -d '{ "limit": 1 }'
# A limit that is not below the plan's -> 422
curl -si "$BASE/account/keys" -H "Authorization: Bearer $ACCOUNT_TOKEN" -d '{ "limit": 50 }'
# Keep an assessment -> 201
curl -si "$BASE/predictions" -H "Authorization: Bearer $ACCOUNT_TOKEN" -d '{ "nombre": "Ana Pérez", "nivel_colesterol": 2.0, "presion_arterial": 1.2, "azucar": 1.0, "edad": 40, "sobrepeso": 1, "tabaquismo": 0 }' | tee a.txt
PREDICTION=$(grep -o '"id":\[*"[^"]*' a.txt | sed 's/.*"//;q')
# Keep one without a name -> 201
curl -si "$BASE/predictions" -H "Authorization: Bearer $ACCOUNT_TOKEN" -d '{ "nivel_colesterol": 2.0, "presion_arterial": 1.2, "azucar": 1.0, "edad": 40, "sobrepeso": 1, "tabaquismo": 1 }' | tee a.txt
UNNAMED=$(grep -o '"id":\[*"[^"]*' a.txt | sed 's/.*"//;q')
# A name over 80 characters -> 422
curl -si "$BASE/predictions" -H "Authorization: Bearer $ACCOUNT_TOKEN" -d '{ "nombre": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "nivel_colesterol": 2.0, "presion_arterial": 1.2, "azucar": 1.0, "edad": 100, "sobrepeso": 1, "tabaquismo": 0 }'
# List them, the newest first -> 200
curl -si "$BASE/predictions" -H "Authorization: Bearer $ACCOUNT_TOKEN"
# The first page of one -> 200
curl -si "$BASE/predictions?limit=1" -H "Authorization: Bearer $ACCOUNT_TOKEN"
# The page after it -> 200
curl -si "$BASE/predictions?limit=1&after=$UNNAMED" -H "Authorization: Bearer $ACCOUNT_TOKEN"
# A page that cannot be -> 422
curl -si "$BASE/predictions?limit=101&after=x" -H "Authorization: Bearer $ACCOUNT_TOKEN"
# Show one -> 200
curl -si "$BASE/predictions/$PREDICTION" -H "Authorization: Bearer $ACCOUNT_TOKEN"
# Somebody else sees none of them -> 200
curl -si "$BASE/predictions" -H "Authorization: Bearer $OTHER_TOKEN"
# Somebody else cannot see it by its id -> 404
curl -si "$BASE/predictions/$PREDICTION" -H "Authorization: Bearer $OTHER_TOKEN"
# Somebody else cannot delete it -> 404
curl -si -X DELETE "$BASE/predictions/$PREDICTION" -H "Authorization: Bearer $OTHER_TOKEN"
# Nor by the original route -> 404
curl -si "$BASE/freemium/predictById/$PREDICTION" -H "Authorization: Bearer $OTHER_TOKEN"
# Delete it -> 204
curl -si -X DELETE "$BASE/predictions/$PREDICTION" -H "Authorization: Bearer $ACCOUNT_TOKEN"
# It is gone -> 404
curl -si "$BASE/predictions/$PREDICTION" -H "Authorization: Bearer $ACCOUNT_TOKEN"
# A new password that is too short -> 422
curl -si "$BASE/account/password" -d '{ "username": "cuenta-'"$RUN"'", "password": "'"$PASSWORD"'", "new_password": "short" }'
# A new password -> 204
curl -si "$BASE/account/password" -d '{ "username": "cuenta-'"$RUN"'", "password": "'"$PASSWORD"'", "new_password": "clave-nueva-'"$RUN"'" }'
# The old token is refused at once -> 401
curl -si "$BASE/account" -H "Authorization: Bearer $ACCOUNT_TOKEN"
# The old refresh token too -> 401
curl -si -X POST "$BASE/refresh" -H "Authorization: Bearer $ACCOUNT_REFRESH"
# The old password is wrong now -> 401
curl -si "$BASE/login" -d '{ "username": "cuenta-'"$RUN"'", "password": "'"$PASSWORD"'" }'
# Log in with the new password -> 200
curl -si "$BASE/login" -d '{ "username": "cuenta-'"$RUN"'", "password": "clave-nueva-'"$RUN"'" }' | tee a.txt
ACCOUNT_TOKEN=$(grep -o '"access_token":\[*"[^"]*' a.txt | sed 's/.*"//;q')
ACCOUNT_REFRESH=$(grep -o '"refresh_token":\[*"[^"]*' a.txt | sed 's/.*"//;q')
# Keys outlive a password -> 200
curl -si "$BASE/account" -H "Authorization: $FIRST_KEY"
# A key has no session to end -> 409
curl -si -X POST "$BASE/logout" -H "Authorization: $FIRST_KEY"
# Log out -> 204
curl -si -X POST "$BASE/logout" -H "Authorization: Bearer $ACCOUNT_TOKEN"
# The session's access token is refused at once -> 401
curl -si "$BASE/account" -H "Authorization: Bearer $ACCOUNT_TOKEN"
# The session's refresh token too -> 401
curl -si -X POST "$BASE/refresh" -H "Authorization: Bearer $ACCOUNT_REFRESH"
# A wrong password deletes nothing -> 401
curl -si -X DELETE "$BASE/account" -H "Authorization: $FIRST_KEY" -d '{ "password": "another" }'
# Delete the account -> 204
curl -si -X DELETE "$BASE/account" -H "Authorization: $FIRST_KEY" -d '{ "password": "clave-nueva-'"$RUN"'" }'
# Its key is refused at once -> 401
curl -si "$BASE/account" -H "Authorization: $FIRST_KEY"

## The original client
# register -> 201
curl -si "$BASE/register" -d '{ "username": "test-'"$RUN"'", "password": "'"$PASSWORD"'", "email": "test-'"$RUN"'@example.org" }'
# login -> 200
curl -si "$BASE/login" -d '{ "username": "test-'"$RUN"'", "password": "'"$PASSWORD"'" }' | tee a.txt
ORIGINAL_TOKEN=$(grep -o '"access_token":\[*"[^"]*' a.txt | sed 's/.*"//;q')
ORIGINAL_REFRESH=$(grep -o '"refresh_token":\[*"[^"]*' a.txt | sed 's/.*"//;q')
# Wait for a minute with room (original client) -> 200
curl -si "$BASE/predictions?limit=1" -H "Authorization: $KEY"
# freemium/predict -> 200
curl -si "$BASE/freemium/predict" -H "Authorization: Bearer $ORIGINAL_TOKEN" -d '{ "nombre": "Natalia Natalia", "presionArterial": 1.4, "colesterol": 2.4, "azucar": 1.8, "edad": 72, "sobrepeso": "False", "tabaquismo": "False" }' | tee a.txt
ORIGINAL_ID=$(grep -o '"id":\[*"[^"]*' a.txt | sed 's/.*"//;q')
# freemium/predict, the list -> 200
curl -si "$BASE/freemium/predict" -H "Authorization: Bearer $ORIGINAL_TOKEN"
# freemium/predictById -> 200
curl -si "$BASE/freemium/predictById/$ORIGINAL_ID" -H "Authorization: Bearer $ORIGINAL_TOKEN"
# premium/predict is not for freemium -> 403
curl -si "$BASE/premium/predict" -H "Authorization: Bearer $ORIGINAL_TOKEN" -d '{ "nombre": "Natalia Natalia", "presionArterial": 1.4, "colesterol": 2.4, "azucar": 1.8, "edad": 72, "sobrepeso": "False", "tabaquismo": "False" }'
# freemium/predict, flags as booleans -> 200
curl -si "$BASE/freemium/predict" -H "Authorization: Bearer $ORIGINAL_TOKEN" -d '{ "nombre": "Natalia Natalia", "presionArterial": 1.4, "colesterol": 2.4, "azucar": 1.8, "edad": 72, "sobrepeso": false, "tabaquismo": false }'
# SwitchToPremium -> 200
curl -si "$BASE/SwitchToPremium" -d '{ "username": "test-'"$RUN"'", "password": "'"$PASSWORD"'" }'
# freemium/predict is not for premium -> 403
curl -si "$BASE/freemium/predict" -H "Authorization: Bearer $ORIGINAL_TOKEN"
# freemium/predictById is not for premium -> 403
curl -si "$BASE/freemium/predictById/$ORIGINAL_ID" -H "Authorization: Bearer $ORIGINAL_TOKEN"
# login, again -> 200
curl -si "$BASE/login" -d '{ "username": "test-'"$RUN"'", "password": "'"$PASSWORD"'" }' | tee a.txt
ORIGINAL_TOKEN=$(grep -o '"access_token":\[*"[^"]*' a.txt | sed 's/.*"//;q')
ORIGINAL_REFRESH=$(grep -o '"refresh_token":\[*"[^"]*' a.txt | sed 's/.*"//;q')
# premium/predict -> 200
curl -si "$BASE/premium/predict" -H "Authorization: Bearer $ORIGINAL_TOKEN" -d '{ "nombre": "Natalia Natalia", "presionArterial": 1.4, "colesterol": 2.4, "azucar": 1.8, "edad": 72, "sobrepeso": "False", "tabaquismo": "False" }' | tee a.txt
PREMIUM_ID=$(grep -o '"id":\[*"[^"]*' a.txt | sed 's/.*"//;q')
# premium/predict, faults under the original's names -> 422
curl -si "$BASE/premium/predict" -H "Authorization: Bearer $ORIGINAL_TOKEN" -d '{ "nombre": "Natalia Natalia", "presionArterial": 14, "colesterol": 2.4, "azucar": 1.8, "edad": 72, "sobrepeso": "perhaps", "tabaquismo": "False" }'
# premium/predict, the list -> 200
curl -si "$BASE/premium/predict" -H "Authorization: Bearer $ORIGINAL_TOKEN"
# premium/predictById -> 200
curl -si "$BASE/premium/predictById/$PREMIUM_ID" -H "Authorization: Bearer $ORIGINAL_TOKEN"
# refresh -> 200
curl -si -X POST "$BASE/refresh" -H "Authorization: Bearer $ORIGINAL_REFRESH" | tee a.txt
ORIGINAL_TOKEN=$(grep -o '"access_token":\[*"[^"]*' a.txt | sed 's/.*"//;q')
# premium/predict with the refreshed token -> 200
curl -si "$BASE/premium/predict" -H "Authorization: Bearer $ORIGINAL_TOKEN" -d '{ "nombre": "Natalia Natalia", "presionArterial": 1.4, "colesterol": 2.4, "azucar": 1.8, "edad": 72, "sobrepeso": "False", "tabaquismo": "False" }'
# Another account sees an empty list -> 200
curl -si "$BASE/freemium/predict" -H "Authorization: Bearer $OTHER_TOKEN"
# SwitchToFreemium -> 200
curl -si "$BASE/SwitchToFreemium" -d '{ "username": "test-'"$RUN"'", "password": "'"$PASSWORD"'" }'

## The API's documents
# OpenAPI -> 200
curl -si "$BASE/openapi.json"
# OpenAPI, by HEAD -> 200
curl -si -I "$BASE/openapi.json"
# The page -> 200
curl -si "$BASE/docs"
# The page, by HEAD -> 200
curl -si -I "$BASE/docs"
# A file of the page -> 200
curl -si "$BASE/docs/swagger-ui.css"
# A file of the page, by HEAD -> 200
curl -si -I "$BASE/docs/swagger-ui.css"

## Reasons, warnings, many at once, another network
# Register an account for what follows -> 201
curl -si "$BASE/register" -d '{ "username": "reasons-'"$RUN"'", "password": "'"$PASSWORD"'", "email": "reasons-'"$RUN"'@example.org" }'
# Put it on premium -> 200
curl -si "$BASE/SwitchToPremium" -d '{ "username": "reasons-'"$RUN"'", "password": "'"$PASSWORD"'" }'
# Log it in -> 200
curl -si "$BASE/login" -d '{ "username": "reasons-'"$RUN"'", "password": "'"$PASSWORD"'" }' | tee a.txt
REASONS_TOKEN=$(grep -o '"access_token":\[*"[^"]*' a.txt | sed 's/.*"//;q')
# An explained assessment -> 200
curl -si "$BASE/service?explicar=1" -H "Authorization: $REASONS_TOKEN" -d "$PATIENT"
# The same by QUERY -> 200
curl -si -X QUERY "$BASE/service?explicar=true" -H "Authorization: $REASONS_TOKEN" -d '{ "nivel_colesterol": 2.4, "presion_arterial": 1.2, "azucar": 1.8, "edad": 72, "sobrepeso": 0, "tabaquismo": 0 }'
# The same by GET, with the query string -> 200
curl -si "$BASE/service?nivel_colesterol=2.4&presion_arterial=1.2&azucar=1.8&edad=72&sobrepeso=0&tabaquismo=0&explicar=1" -H "Authorization: $REASONS_TOKEN"
# What would change it? -> 200
curl -si "$BASE/service?cambios=1" -H "Authorization: $REASONS_TOKEN" -d "$PATIENT"
# Two values at once -> 200
curl -si "$BASE/service?mapas=1" -H "Authorization: $REASONS_TOKEN" -d "$PATIENT"
# Nobody is told why without asking -> 200
curl -si "$BASE/service" -H "Authorization: $REASONS_TOKEN" -d "$PATIENT"
# A word that is neither yes nor no -> 422
curl -si "$BASE/service?explicar=quizas" -H "Authorization: $REASONS_TOKEN" -d "$PATIENT"
# A value that training never saw is answered with a warning -> 200
curl -si "$BASE/service" -H "Authorization: $REASONS_TOKEN" -d '{ "nivel_colesterol": 3.0, "presion_arterial": 1.2, "azucar": 1.0, "edad": 40, "sobrepeso": 1, "tabaquismo": 0 }'
# No warning about values that it saw -> 200
curl -si "$BASE/service" -H "Authorization: $REASONS_TOKEN" -d '{ "nivel_colesterol": 2.9, "presion_arterial": 1.2, "azucar": 1.0, "edad": 40, "sobrepeso": 1, "tabaquismo": 0 }'
# Many at once: one with a fault keeps its place -> 200
curl -si "$BASE/service/lote" -H "Authorization: $REASONS_TOKEN" -d '{ "pacientes": [ { "nivel_colesterol": 2.0, "presion_arterial": 1.2, "azucar": 1.0, "edad": 40, "sobrepeso": 1, "tabaquismo": 0 }, { "nivel_colesterol": 2.0, "presion_arterial": 1.2, "azucar": 1.0, "edad": 400, "sobrepeso": 1, "tabaquismo": 0 }, { "nivel_colesterol": 2.0, "presion_arterial": 1.2, "azucar": 1.0, "edad": 40, "sobrepeso": 1, "tabaquismo": 1 } ] }'
# Open Inference Protocol: what answers -> 200
curl -si "$BASE/v2" -H "Authorization: $REASONS_TOKEN"
# Open Inference Protocol: live -> 200
curl -si "$BASE/v2/health/live" -H "Authorization: $REASONS_TOKEN"
# Open Inference Protocol: ready -> 200
curl -si "$BASE/v2/health/ready" -H "Authorization: $REASONS_TOKEN"
# Open Inference Protocol: the network -> 200
curl -si "$BASE/v2/models/cardiorisk" -H "Authorization: $REASONS_TOKEN" | tee a.txt
NETWORK_VERSION=$(grep -o '"versions":\[*"[^"]*' a.txt | sed 's/.*"//;q')
# Open Inference Protocol: the network is ready -> 200
curl -si "$BASE/v2/models/cardiorisk/ready" -H "Authorization: $REASONS_TOKEN"
# Open Inference Protocol: its version -> 200
curl -si "$BASE/v2/models/cardiorisk/versions/$NETWORK_VERSION" -H "Authorization: $REASONS_TOKEN"
# Open Inference Protocol: its version is ready -> 200
curl -si "$BASE/v2/models/cardiorisk/versions/$NETWORK_VERSION/ready" -H "Authorization: $REASONS_TOKEN"
# Open Inference Protocol: a row -> 200
curl -si "$BASE/v2/models/cardiorisk/infer" -H "Authorization: $REASONS_TOKEN" -d '{ "inputs": [ { "name": "pacientes", "shape": [ 1, 6 ], "datatype": "FP32", "data": [ 2.0, 1.2, 1.0, 40, 1, 1 ] } ] }'
# Open Inference Protocol: a row, by its version -> 200
curl -si "$BASE/v2/models/cardiorisk/versions/$NETWORK_VERSION/infer" -H "Authorization: $REASONS_TOKEN" -d '{ "inputs": [ { "name": "pacientes", "shape": [ 1, 6 ], "datatype": "FP32", "data": [ 2.0, 1.2, 1.0, 40, 1, 1 ] } ] }'
# Open Inference Protocol: a fault is told in words -> 422
curl -si "$BASE/v2/models/cardiorisk/infer" -H "Authorization: $REASONS_TOKEN" -d '{ "inputs": [ { "name": "pacientes", "shape": [ 1, 6 ], "datatype": "FP32", "data": [ 2.0, 1.2, 1.0, 400, 1, 1 ] } ] }'
# Nobody reloads the network without a key -> 401
curl -si -X POST "$BASE/model/reload"
# A caller's key does not reload it -> 403
curl -si -X POST "$BASE/model/reload" -H "Authorization: $KEY"
# The same network answers as before -> 200
curl -si "$BASE/readyz"

## For operators alone
# A caller is not told how the service is -> 403
curl -si "$BASE/operator/overview" -H "Authorization: $KEY"
# Nor as it happens -> 403
curl -si "$BASE/operator/events" -H "Authorization: $KEY"
# Nor what is in the log -> 403
curl -si "$BASE/operator/log" -H "Authorization: $KEY"
# Nor whose accounts there are -> 403
curl -si "$BASE/operator/accounts" -H "Authorization: $KEY"
# Nor one of them -> 403
curl -si "$BASE/operator/accounts/1" -H "Authorization: $KEY"
# A caller suspends nobody -> 403
curl -si -X POST "$BASE/operator/accounts/1/suspend" -H "Authorization: $KEY"
# And resumes nobody -> 403
curl -si -X POST "$BASE/operator/accounts/1/resume" -H "Authorization: $KEY"
# And puts nobody on a plan -> 403
curl -si "$BASE/operator/accounts/1/plan" -H "Authorization: $KEY" -d '{"plan": "premium"}'
# And ends nobody's key -> 403
curl -si -X POST "$BASE/operator/accounts/1/keys/key_0123456789ab/revoke" -H "Authorization: $KEY"
# And deletes nobody -> 403
curl -si -X DELETE "$BASE/operator/accounts/1" -H "Authorization: $KEY"
# And makes nobody's account -> 403
curl -si "$BASE/operator/accounts" -H "Authorization: $KEY" -d '{ "username": "nadie-'"$RUN"'" }'
