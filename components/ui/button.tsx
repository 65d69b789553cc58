import { cva, type VariantProps } from "class-variance-authority";
import { Slot } from "radix-ui";
import type { ComponentProps, ReactNode } from "react";
import { cn } from "./cn";
import { Spinner } from "./spinner";
import { Tooltip } from "./tooltip";

const buttonStyles = cva(
  [
    "inline-flex shrink-0 select-none items-center justify-center gap-1.5 whitespace-nowrap rounded-control border",
    "font-medium transition-colors duration-[120ms]",
    "aria-disabled:cursor-not-allowed aria-disabled:opacity-55 disabled:cursor-not-allowed disabled:opacity-55",
    "[&_svg]:size-4 [&_svg]:shrink-0",
  ],
  {
    variants: {
      variant: {
        primary:
          "border-transparent bg-accent text-on-accent not-aria-disabled:hover:bg-accent-strong focus-visible:outline-offset-2",
        secondary: "border-line-strong bg-panel text-ink not-aria-disabled:hover:bg-hover",
        ghost: "border-transparent bg-transparent text-ink not-aria-disabled:hover:bg-hover",
        danger: "border-transparent bg-bad text-on-bad not-aria-disabled:hover:bg-bad-strong",
        "danger-quiet": "border-line-strong bg-panel text-bad-ink not-aria-disabled:hover:bg-bad-soft",
        link: "h-auto! border-transparent px-0! text-accent-ink underline-offset-4 hover:underline",
      },
      size: {
        small: "h-7 px-2.5 text-label",
        normal: "h-8 px-3 text-body",
        large: "h-9 px-4 text-body",
        icon: "size-8 text-body",
        "icon-small": "size-7 text-body",
      },
    },
    defaultVariants: { variant: "secondary", size: "normal" },
  },
);

type ButtonProps = Omit<ComponentProps<"button">, "disabled"> &
  VariantProps<typeof buttonStyles> & {
    asChild?: boolean;
    /** Work is going on: the button keeps its width, says so and takes no second click. */
    pending?: boolean;
    /** Off, without a reason worth telling (a form that is not complete says why elsewhere). */
    disabled?: boolean;
    /**
     * Why it cannot be used now. The button stays focusable, so that everybody can find the reason
     * (a `disabled` attribute would hide it from keyboards and screen readers).
     */
    disabledReason?: ReactNode;
  };

/** A button. Its `type` is "button" unless said, so that none submits a form by accident. */
export function Button({
  className,
  variant,
  size,
  asChild = false,
  pending = false,
  disabled = false,
  disabledReason,
  onClick,
  children,
  ...props
}: Readonly<ButtonProps>) {
  const blocked = disabled || pending || Boolean(disabledReason);
  const classes = cn(buttonStyles({ variant, size }), className);

  if (asChild && !blocked) {
    return (
      <Slot.Root className={classes} onClick={onClick} {...props}>
        {children}
      </Slot.Root>
    );
  }

  const button = (
    <button
      type="button"
      {...props}
      className={classes}
      aria-disabled={blocked || undefined}
      aria-busy={pending || undefined}
      onClick={(event) => {
        if (blocked) {
          event.preventDefault();
          event.stopPropagation();

          return;
        }

        onClick?.(event);
      }}
    >
      {pending ? <Spinner /> : null}
      {asChild ? disabledChild(children) : children}
    </button>
  );

  return disabledReason ? <Tooltip content={disabledReason}>{button}</Tooltip> : button;
}

/** A link that may not be followed shows its words only. */
function disabledChild(children: ReactNode): ReactNode {
  if (children !== null && typeof children === "object" && "props" in children) {
    return (children.props as { children?: ReactNode }).children;
  }

  return children;
}
