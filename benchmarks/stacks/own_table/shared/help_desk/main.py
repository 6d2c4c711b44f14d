from fastapi import FastAPI

app = FastAPI(title="Help desk")
