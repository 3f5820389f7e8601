"""HTTP: routes, authentication, errors and OpenAPI. With the dashboard, the only room that knows Litestar."""
