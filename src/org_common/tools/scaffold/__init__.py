"""Writes new projects, tables, modules, routes and triggers in house style."""
