import { NothingHere } from "@/components/errors/not-found";

export default function NotFound() {
  return (
    <main className="px-4">
      <NothingHere />
    </main>
  );
}
