import { problemResponse } from "@/lib/api/problem";
import { methods, type RouteHandler } from "@/lib/api/wrapper";
import { requestFacts } from "@/lib/auth";
import { AppError } from "@/lib/core/errors";

const notFound: RouteHandler = async (request) =>
  problemResponse(
    new AppError("NOT_FOUND", "The API has no such path. See /api/v1/openapi.json."),
    requestFacts(request.headers).requestId,
  );

/** Every path that no other route answers. */
export const { GET, POST, PUT, PATCH, DELETE } = methods({
  GET: notFound,
  POST: notFound,
  PUT: notFound,
  PATCH: notFound,
  DELETE: notFound,
});
