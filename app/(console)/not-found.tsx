import { NothingHere } from "@/components/errors/not-found";

export default function NotFound() {
  return <NothingHere />;
}
