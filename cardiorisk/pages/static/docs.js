"use strict";

// Credentials live in the page's memory only: a reload forgets them. Nothing is asked of any
// other host, so the badge of the public validator is off.
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
