"""The OpenAPI document of a project, its comparison with an earlier one, and the API explorer."""
