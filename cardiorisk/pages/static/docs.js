"use strict";

// Credentials stay in the page's memory: a reload forgets them. The badge of the public validator
// is off, because nothing may be asked of another host.
SwaggerUIBundle({
  url: "./openapi.json",
  dom_id: "#swagger-ui",
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  displayRequestDuration: true,
  persistAuthorization: false,
  validatorUrl: null,
});
